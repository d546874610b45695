// Checks what the module's policies allow, for a table of requests, with a simulator of IAM that we did not write.
//
// usage: node tests/aws/policies.mjs POLICIES
//
// POLICIES is a file with the JSON that policies.py prints. Needs @cloud-copilot/iam-simulate.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const installed = createRequire(`${process.cwd()}/`).resolve("@cloud-copilot/iam-simulate");
const { runSimulation } = await import(pathToFileURL(installed));

const ACCOUNT = "123456789012";
const BUCKET = `arn:aws:s3:::memory-ingress-${ACCOUNT}-eu-central-1`;
const MEMORY = `${BUCKET}/memories/domain%3Dwork/x.json`;
const KEY = `arn:aws:kms:eu-central-1:${ACCOUNT}:key/0c2b0b7e-0000-4000-8000-000000000000`;
const LOG = `arn:aws:logs:eu-central-1:${ACCOUNT}:log-group:/aws/lambda/memory-ingress:log-stream:1`;
const NEW = { "s3:if-none-match": "*" };
const ALL = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["s3:*", "kms:*"], Resource: "*" }] };
const [YES, DENIED, NO] = ["Allowed", "ExplicitlyDenied", "ImplicitlyDenied"];

// The callers: the function, the function if its role had all permissions, an operator with all permissions, the role
// of another service, the break-glass principal, and a role without permissions.
const session = (role) => ({ principal: `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/s`, is: `arn:aws:iam::${ACCOUNT}:role/${role}` });
const WHO = {
  writer: (policies) => ({ ...session("memory-ingress"), may: [policies.role] }),
  "writer with all permissions": (policies) => ({ ...session("memory-ingress"), may: [policies.role, ALL] }),
  operator: () => ({ ...session("operator"), may: [ALL] }),
  "another service's role": () => ({ ...session("memory-ingress-2"), may: [ALL] }),
  erasure: () => ({ ...session("erasure"), may: [ALL] }),
  nobody: () => ({ ...session("nobody"), may: [] }),
};

const TABLE = [
  // variant, caller, action, resource, context, expected result
  ["default", "writer", "s3:PutObject", MEMORY, NEW, YES],
  ["default", "writer", "s3:PutObject", MEMORY, {}, DENIED],
  ["default", "writer", "s3:PutObject", MEMORY, { "s3:if-match": "e" }, DENIED],
  ["default", "writer", "s3:PutObject", MEMORY, { ...NEW, "aws:SecureTransport": "false" }, DENIED],
  ["default", "writer", "s3:PutObject", MEMORY, { ...NEW, "s3:x-amz-server-side-encryption-customer-algorithm": "AES256" }, DENIED],
  ["default", "writer", "s3:PutObject", `${BUCKET}/other.json`, NEW, NO],
  ["default", "writer", "s3:PutObject", "arn:aws:s3:::another-bucket/memories/x.json", NEW, NO],
  ["default", "writer", "s3:GetObject", MEMORY, {}, DENIED],
  ["default", "writer", "s3:ListBucket", BUCKET, {}, DENIED],
  ["default", "writer", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["default", "writer", "s3:DeleteObjectVersion", MEMORY, {}, DENIED],
  ["default", "writer", "s3:AbortMultipartUpload", MEMORY, {}, DENIED],
  ["default", "writer", "s3:PutObjectAcl", MEMORY, {}, DENIED],
  ["default", "writer", "s3:PutObjectTagging", MEMORY, {}, DENIED],
  ["default", "writer", "s3:DeleteBucketPolicy", BUCKET, {}, DENIED],
  ["default", "writer", "s3:PutBucketVersioning", BUCKET, {}, DENIED],
  ["default", "writer", "logs:PutLogEvents", LOG, {}, YES],
  ["default", "writer", "logs:PutLogEvents", LOG.replace("memory-ingress", "another"), {}, NO],
  ["default", "writer", "xray:PutTraceSegments", "*", {}, YES],
  ["default", "writer", "kms:GenerateDataKey", KEY, {}, NO],
  ["default", "writer", "iam:PassRole", `arn:aws:iam::${ACCOUNT}:role/memory-ingress`, {}, NO],
  ["default", "writer with all permissions", "s3:PutObject", MEMORY, NEW, YES],
  ["default", "writer with all permissions", "s3:PutObject", MEMORY, {}, DENIED],
  ["default", "writer with all permissions", "s3:GetObject", MEMORY, {}, DENIED],
  ["default", "writer with all permissions", "s3:ListBucket", BUCKET, {}, DENIED],
  ["default", "writer with all permissions", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["default", "writer with all permissions", "s3:GetObject", "arn:aws:s3:::another-bucket/x", {}, YES],
  ["default", "operator", "s3:GetObject", MEMORY, {}, YES],
  ["default", "operator", "s3:ListBucket", BUCKET, {}, YES],
  ["default", "operator", "s3:GetObject", MEMORY, { "aws:SecureTransport": "false" }, DENIED],
  ["default", "operator", "s3:PutObject", MEMORY, {}, DENIED],
  ["default", "operator", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["default", "operator", "s3:DeleteObjectVersion", MEMORY, {}, DENIED],
  ["default", "operator", "s3:BypassGovernanceRetention", MEMORY, {}, DENIED],
  ["default", "operator", "s3:PutObjectRetention", MEMORY, {}, DENIED],
  ["default", "operator", "s3:PutObjectLegalHold", MEMORY, {}, DENIED],
  ["default", "operator", "s3:PutBucketPolicy", BUCKET, {}, YES],
  ["default", "another service's role", "s3:GetObject", MEMORY, {}, YES],
  ["default", "erasure", "s3:DeleteObjectVersion", MEMORY, {}, DENIED],
  ["default", "nobody", "s3:PutObject", MEMORY, NEW, NO],
  ["default", "nobody", "s3:GetObject", MEMORY, {}, NO],
  ["break-glass", "erasure", "s3:DeleteObject", MEMORY, {}, YES],
  ["break-glass", "erasure", "s3:DeleteObjectVersion", MEMORY, {}, YES],
  ["break-glass", "erasure", "s3:BypassGovernanceRetention", MEMORY, {}, YES],
  ["break-glass", "erasure", "s3:PutObject", MEMORY, {}, DENIED],
  ["break-glass", "operator", "s3:DeleteObjectVersion", MEMORY, {}, DENIED],
  ["break-glass", "writer", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["break-glass", "writer with all permissions", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["kms", "writer", "kms:GenerateDataKey", KEY, {}, YES],
  ["kms", "writer", "kms:Decrypt", KEY, {}, NO],
  ["kms", "writer", "kms:GenerateDataKey", KEY.replace("0c2b", "ffff"), {}, NO],
  ["kms", "writer", "s3:PutObject", MEMORY, NEW, YES],
];

const policies = JSON.parse(readFileSync(process.argv[2]));
let wrong = 0;
for (const [variant, name, action, resource, context, expected] of TABLE) {
  const who = WHO[name](policies[variant]);
  const isOfBucket = resource.startsWith(`${BUCKET}/`) || resource === BUCKET;
  const answer = await runSimulation(
    {
      request: {
        principal: who.principal,
        action,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: { "aws:SecureTransport": "true", "aws:PrincipalArn": who.is, ...context },
      },
      identityPolicies: who.may.map((policy, number) => ({ name: `${number}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      // Other resources have no policy, and the key's policy leaves the decision to the policies of the account.
      resourcePolicy: isOfBucket ? policies[variant].bucket : resource.includes(":kms:") ? {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "kms:*", Resource: "*" }],
      } : undefined,
    },
    {},
  );
  const found = answer.overallResult ?? JSON.stringify(answer.errors);
  const isRight = found === expected;
  wrong += !isRight;
  console.log(`${isRight ? "ok   " : "WRONG"} ${variant}: ${name}, ${action} ${resource} ${JSON.stringify(context)}: ${found}`);
}
console.log(wrong ? `${wrong} of ${TABLE.length} results are wrong` : `all ${TABLE.length} results are as expected`);
process.exit(wrong ? 1 : 0);
