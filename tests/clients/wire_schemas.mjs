// Prints the JSON Schemas of the protocol that the conformance suite checks messages by: an object of one by version.
//
// usage: node wire_schemas.mjs FOLDER
//
// FOLDER holds node_modules. The suite keeps them inside its program, as object literals that open with `$schema`, and
// exports nothing; a newer one may keep them elsewhere, and then this fails.

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
        // A brace inside a text: go on to the next.
      }
    }
  }
}

// Each is told by what its version brought.
const names = (schema) => Object.keys(schema.definitions ?? schema.$defs);
const versions = {
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
