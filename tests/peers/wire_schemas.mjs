// Prints the JSON Schemas with which the conformance suite checks messages, as an object with one schema per protocol
// version.
//
// usage: node wire_schemas.mjs FOLDER
//
// FOLDER contains node_modules. The suite has the schemas inside its program, as object literals that begin with
// `$schema`, and does not export them. A newer suite may have them elsewhere. Then this program fails.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const program = readFileSync(join(process.argv[2], "node_modules/@modelcontextprotocol/conformance/dist/index.js"), "utf8");
const found = [];
for (const { index } of program.matchAll(/=\{\$schema:`https?:\/\/json-schema\.org\/[^`]*`,(?:definitions|\$defs):\{Annotations:/g)) {
  for (let end = program.indexOf("}}", index); end > 0; end = program.indexOf("}}", end + 1)) {
    const literal = program.slice(index + 1, end + 2);
    if (literal.split("{").length === literal.split("}").length) {
      try {
        found.push(new Function(`return ${literal}`)());
        break;
      } catch {
        // This brace was inside a string. Try the next one.
      }
    }
  }
}

// Each schema is recognised by a definition that is new in its version.
const names = (schema) => Object.keys(schema.definitions ?? schema.$defs);
const versions = {
  "2025-03-26": (schema) => "definitions" in schema && !names(schema).includes("ResourceLink"),
  "2025-06-18": (schema) => "definitions" in schema && names(schema).includes("ResourceLink"),
  "2025-11-25": (schema) => names(schema).includes("CreateTaskResult"),
  "2026-07-28": (schema) => names(schema).includes("DiscoverResult"),
};
const schemas = {};
for (const [version, is] of Object.entries(versions)) {
  const [schema, ...more] = found.filter(is);
  if (!schema || more.length) throw new Error(`${1 + more.length} schemas look like ${version}'s`);
  schemas[version] = schema;
}
console.log(JSON.stringify(schemas));
