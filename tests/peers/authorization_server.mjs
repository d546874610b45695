// An authorization server that others wrote (oidc-provider): it registers clients (RFC 7591), wants PKCE, and issues JWTs for
// the resource that a client names (RFC 8707). Whoever logs in is believed.
//
// usage: node authorization_server.mjs FOLDER
//
// FOLDER has node_modules. Prints its issuer.

import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const of = createRequire(`${process.argv[2]}/package.json`)
const { default: Provider } = await import(pathToFileURL(of.resolve('oidc-provider')))

const SCOPE = 'memory:write'
const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    scopes: ['openid', 'offline_access', SCOPE],
    pkce: { required: () => true },
    features: {
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({ audience: resource, scope: SCOPE, accessTokenFormat: 'jwt' }),
        useGrantedResource: () => true,
      },
    },
  })
  server.on('request', provider.callback())
  console.log(issuer)
})
