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
const EVENT = `${BUCKET}/events/domain%3Dwork/x.json`;
const WRITER = "memory-ingress-writer-eu-central-1";
const KEY = `arn:aws:kms:eu-central-1:${ACCOUNT}:key/0c2b0b7e-0000-4000-8000-000000000000`;
const ANOTHER_KEY = KEY.replace("0c2b", "ffff");
const LOG = `arn:aws:logs:eu-central-1:${ACCOUNT}:log-group:/aws/lambda/memory-ingress:log-stream:1`;
const ENCRYPTION = "s3:x-amz-server-side-encryption";
const KEY_ID = "s3:x-amz-server-side-encryption-aws-kms-key-id";
const NEW = { "s3:if-none-match": "*" };
const ALL = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["s3:*", "kms:*"], Resource: "*" }] };
const [YES, DENIED, NO] = ["Allowed", "ExplicitlyDenied", "ImplicitlyDenied"];

// The callers: the function, the function if its role had all permissions, principals with all permissions that are
// named for a purpose or for none, and a role without permissions.
const role = (name) => ({ principal: `arn:aws:sts::${ACCOUNT}:assumed-role/${name}/s`, is: `arn:aws:iam::${ACCOUNT}:role/${name}` });
const itself = (arn) => ({ principal: arn, is: arn });
const WHO = {
  writer: (policies) => ({ ...role(WRITER), may: [policies.role] }),
  "writer with all permissions": (policies) => ({ ...role(WRITER), may: [policies.role, ALL] }),
  operator: () => ({ ...role("operator"), may: [ALL] }),
  "role with a longer name": () => ({ ...role(`${WRITER}0`), may: [ALL] }),
  "user with the writer's name": () => ({ ...itself(`arn:aws:iam::${ACCOUNT}:user/${WRITER}`), may: [ALL] }),
  root: () => ({ ...itself(`arn:aws:iam::${ACCOUNT}:root`), may: [ALL] }),
  agents: () => ({ ...role("agents"), may: [ALL] }),
  analyst: () => ({ ...role("analyst"), may: [ALL] }),
  deployer: () => ({ ...role("deployer"), may: [ALL] }),
  erasure: () => ({ ...role("erasure"), may: [ALL] }),
  nobody: () => ({ ...role("nobody"), may: [] }),
};

const TABLE = [
  // variant, caller, action, resource, context, expected result
  ["default", "writer", "s3:PutObject", MEMORY, NEW, YES],
  ["default", "writer", "s3:PutObject", MEMORY, {}, DENIED],
  ["default", "writer", "s3:PutObject", MEMORY, { "s3:if-match": "e" }, DENIED],
  ["default", "writer", "s3:PutObject", MEMORY, { ...NEW, "aws:SecureTransport": "false" }, DENIED],
  ["default", "writer", "s3:PutObject", MEMORY, { ...NEW, "s3:x-amz-server-side-encryption-customer-algorithm": "AES256" }, DENIED],
  ["default", "writer", "s3:PutObject", `${BUCKET}/other.json`, NEW, NO],
  ["default", "writer", "s3:PutObject", EVENT, NEW, DENIED],
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
  ["default", "writer", "iam:PassRole", `arn:aws:iam::${ACCOUNT}:role/${WRITER}`, {}, NO],
  ["default", "writer with all permissions", "s3:PutObject", MEMORY, NEW, YES],
  ["default", "writer with all permissions", "s3:PutObject", MEMORY, {}, DENIED],
  ["default", "writer with all permissions", "s3:PutObject", EVENT, NEW, DENIED],
  ["default", "writer with all permissions", "s3:GetObject", MEMORY, {}, DENIED],
  ["default", "writer with all permissions", "s3:ListBucket", BUCKET, {}, DENIED],
  ["default", "writer with all permissions", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["default", "writer with all permissions", "s3:GetObject", "arn:aws:s3:::another-bucket/x", {}, YES],
  ["default", "operator", "s3:PutObject", MEMORY, NEW, DENIED],
  ["default", "operator", "s3:PutObject", MEMORY, {}, DENIED],
  ["default", "operator", "s3:PutObject", EVENT, NEW, DENIED],
  ["default", "operator", "s3:PutObject", `${BUCKET}/other.json`, NEW, YES],
  ["default", "operator", "s3:PutObject", `${BUCKET}/other.json`, {}, DENIED],
  ["default", "operator", "s3:GetObject", MEMORY, {}, DENIED],
  ["default", "operator", "s3:GetObjectVersion", MEMORY, {}, DENIED],
  ["default", "operator", "s3:GetObjectVersionForReplication", MEMORY, {}, DENIED],
  ["default", "operator", "s3:ListBucketVersions", BUCKET, {}, DENIED],
  // Terraform must find the bucket.
  ["default", "operator", "s3:ListBucket", BUCKET, {}, YES],
  ["default", "operator", "s3:ListBucket", BUCKET, { "aws:SecureTransport": "false" }, DENIED],
  ["default", "operator", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["default", "operator", "s3:DeleteObjectVersion", MEMORY, {}, DENIED],
  ["default", "operator", "s3:ReplicateObject", MEMORY, {}, DENIED],
  ["default", "operator", "s3:ReplicateDelete", MEMORY, {}, DENIED],
  ["default", "operator", "s3:BypassGovernanceRetention", MEMORY, {}, DENIED],
  ["default", "operator", "s3:PutObjectRetention", MEMORY, {}, DENIED],
  ["default", "operator", "s3:PutObjectLegalHold", MEMORY, {}, DENIED],
  ["default", "operator", "s3:PutLifecycleConfiguration", BUCKET, {}, DENIED],
  ["default", "operator", "s3:PutReplicationConfiguration", BUCKET, {}, DENIED],
  // What an administrator can still do.
  ["default", "operator", "s3:PutBucketPolicy", BUCKET, {}, YES],
  ["default", "operator", "s3:PutBucketVersioning", BUCKET, {}, YES],
  ["default", "role with a longer name", "s3:PutObject", MEMORY, NEW, DENIED],
  ["default", "user with the writer's name", "s3:PutObject", MEMORY, NEW, DENIED],
  ["default", "root", "s3:PutObject", MEMORY, NEW, DENIED],
  ["default", "root", "s3:GetObject", MEMORY, {}, DENIED],
  ["default", "root", "s3:PutBucketPolicy", BUCKET, {}, YES],
  ["default", "erasure", "s3:DeleteObjectVersion", MEMORY, {}, DENIED],
  ["default", "nobody", "s3:PutObject", MEMORY, NEW, DENIED],
  ["default", "nobody", "s3:GetObject", MEMORY, {}, DENIED],
  ["default", "nobody", "s3:ListBucket", BUCKET, {}, NO],
  ["named", "writer", "s3:PutObject", MEMORY, NEW, YES],
  ["named", "writer", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["named", "writer with all permissions", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["named", "agents", "s3:PutObject", MEMORY, NEW, YES],
  ["named", "agents", "s3:PutObject", MEMORY, {}, DENIED],
  ["named", "agents", "s3:PutObject", EVENT, NEW, DENIED],
  ["named", "agents", "s3:GetObject", MEMORY, {}, DENIED],
  ["named", "agents", "s3:ListBucket", BUCKET, {}, DENIED],
  ["named", "agents", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["named", "analyst", "s3:GetObject", MEMORY, {}, YES],
  ["named", "analyst", "s3:GetObjectVersion", MEMORY, {}, YES],
  ["named", "analyst", "s3:ListBucket", BUCKET, {}, YES],
  ["named", "analyst", "s3:GetObject", MEMORY, { "aws:SecureTransport": "false" }, DENIED],
  ["named", "analyst", "s3:PutObject", MEMORY, NEW, DENIED],
  ["named", "analyst", "s3:DeleteObjectVersion", MEMORY, {}, DENIED],
  ["named", "deployer", "s3:ListBucket", BUCKET, {}, YES],
  ["named", "deployer", "s3:ListBucketVersions", BUCKET, {}, DENIED],
  ["named", "deployer", "s3:PutReplicationConfiguration", BUCKET, {}, YES],
  ["named", "deployer", "s3:PutLifecycleConfiguration", BUCKET, {}, DENIED],
  ["named", "deployer", "s3:GetObject", MEMORY, {}, DENIED],
  ["named", "deployer", "s3:PutObject", MEMORY, NEW, DENIED],
  ["named", "deployer", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["named", "erasure", "s3:PutObject", MEMORY, NEW, YES],
  ["named", "erasure", "s3:PutObject", MEMORY, {}, DENIED],
  ["named", "erasure", "s3:PutObject", EVENT, NEW, DENIED],
  ["named", "erasure", "s3:GetObject", MEMORY, {}, YES],
  ["named", "erasure", "s3:ListBucketVersions", BUCKET, {}, YES],
  ["named", "erasure", "s3:DeleteObject", MEMORY, {}, YES],
  ["named", "erasure", "s3:DeleteObjectVersion", MEMORY, {}, YES],
  ["named", "erasure", "s3:BypassGovernanceRetention", MEMORY, {}, YES],
  ["named", "erasure", "s3:PutLifecycleConfiguration", BUCKET, {}, YES],
  ["named", "operator", "s3:PutObject", MEMORY, NEW, DENIED],
  ["named", "operator", "s3:GetObject", MEMORY, {}, DENIED],
  ["named", "operator", "s3:ListBucket", BUCKET, {}, DENIED],
  ["named", "operator", "s3:DeleteObjectVersion", MEMORY, {}, DENIED],
  ["named", "operator", "s3:PutReplicationConfiguration", BUCKET, {}, DENIED],
  ["kms", "writer", "kms:GenerateDataKey", KEY, {}, YES],
  ["kms", "writer", "kms:Decrypt", KEY, {}, NO],
  ["kms", "writer", "kms:GenerateDataKey", ANOTHER_KEY, {}, NO],
  ["kms", "writer", "s3:PutObject", MEMORY, NEW, YES],
  ["kms", "writer", "s3:PutObject", MEMORY, { ...NEW, [ENCRYPTION]: "aws:kms", [KEY_ID]: KEY }, YES],
  ["kms", "writer", "s3:PutObject", MEMORY, { ...NEW, [ENCRYPTION]: "aws:kms", [KEY_ID]: ANOTHER_KEY }, DENIED],
  ["kms", "writer", "s3:PutObject", MEMORY, { ...NEW, [ENCRYPTION]: "aws:kms" }, DENIED],
  ["kms", "writer", "s3:PutObject", MEMORY, { ...NEW, [ENCRYPTION]: "AES256" }, DENIED],
  ["default", "writer", "s3:PutObject", MEMORY, { ...NEW, [ENCRYPTION]: "AES256" }, YES],
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
  // A condition key that the action does not have is a mistake of the row. The simulator would only ignore it.
  const ignored = answer.result?.ignoredContextKeys ?? [];
  const found = ignored.length ? `ignores ${ignored}` : (answer.overallResult ?? JSON.stringify(answer.errors));
  const isRight = found === expected;
  wrong += !isRight;
  console.log(`${isRight ? "ok   " : "WRONG"} ${variant}: ${name}, ${action} ${resource} ${JSON.stringify(context)}: ${found}`);
}
console.log(wrong ? `${wrong} of ${TABLE.length} results are wrong` : `all ${TABLE.length} results are as expected`);
process.exit(wrong ? 1 : 0);
