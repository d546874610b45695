// Checks what the policies of the module and of bootstrap allow, for a table of requests, with a simulator of IAM that we
// did not write.
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
const VIEWS = `${BUCKET}-views`;
const VIEW = `${VIEWS}/domain%3Dwork/x`;
const REPLICA = "arn:aws:s3:::our-replica/memories/domain%3Dwork/x.json";
const STATES = `arn:aws:s3:::memory-ingress-terraform-${ACCOUNT}-eu-central-1`;
const STATE = `${STATES}/memory-ingress/prod.tfstate`;
const API = `arn:aws:execute-api:eu-central-1:${ACCOUNT}:abc123`;
const GATEWAY = "arn:aws:apigateway:eu-central-1::";
const FUNCTION = `arn:aws:lambda:eu-central-1:${ACCOUNT}:function:memory-ingress`;
const RECALL = "memory-ingress-recall-eu-central-1";
const WRITER = "memory-ingress-writer-eu-central-1";
const GATEWAY_LOG = "memory-ingress-gateway-log-eu-central-1";
const REPLICATION = "memory-ingress-replication-eu-central-1";
const roleArn = (name) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
const bounded = (role, environment = "prod") => ({
  "iam:PermissionsBoundary": `arn:aws:iam::${ACCOUNT}:policy/memory-ingress-boundary-${role}-${environment}-eu-central-1`,
});
const passed = (service) => ({ "iam:PassedToService": `${service}.amazonaws.com` });
const policyOfAws = (name) => ({ "iam:PolicyARN": `arn:aws:iam::aws:policy/${name}` });
const tagged = (name) => ({ "aws:ResourceTag/memory-ingress": name });
const tagging = (name) => ({ "aws:RequestTag/memory-ingress": name });
const viaS3 = { "kms:ViaService": "s3.eu-central-1.amazonaws.com" };
const KEY = `arn:aws:kms:eu-central-1:${ACCOUNT}:key/0c2b0b7e-0000-4000-8000-000000000000`;
const ANOTHER_KEY = KEY.replace("0c2b", "ffff");
const KEY_OF_THE_REPLICA = KEY.replace("eu-central-1", "us-east-1");
const LOG = `arn:aws:logs:eu-central-1:${ACCOUNT}:log-group:/aws/lambda/memory-ingress:log-stream:1`;
const ENCRYPTION = "s3:x-amz-server-side-encryption";
const KEY_ID = "s3:x-amz-server-side-encryption-aws-kms-key-id";
const EXECUTION_LOG = `arn:aws:logs:eu-central-1:${ACCOUNT}:log-group:API-Gateway-Execution-Logs_abc123/live`;
const NEW = { "s3:if-none-match": "*" };
const OF_THE_ONE_READ = { "s3:if-match": "e" };
const under = (prefix) => ({ "s3:prefix": prefix });
const EVERYTHING = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };
const ALL = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["s3:*", "kms:*"], Resource: "*" }] };
const [YES, DENIED, NO] = ["Allowed", "ExplicitlyDenied", "ImplicitlyDenied"];

// The callers: the function, the function if its role had all permissions, principals with all permissions that are
// named for a purpose or for none, and a role without permissions.
const role = (name) => ({ principal: `arn:aws:sts::${ACCOUNT}:assumed-role/${name}/s`, is: `arn:aws:iam::${ACCOUNT}:role/${name}` });
const itself = (arn) => ({ principal: arn, is: arn });
const WHO = {
  writer: (policies) => ({ ...role(WRITER), may: [policies['aws_iam_role_policy.function["writer"]']] }),
  "writer with all permissions": (policies) => ({ ...role(WRITER), may: [policies['aws_iam_role_policy.function["writer"]'], ALL] }),
  recall: (policies) => ({ ...role(RECALL), may: [policies['aws_iam_role_policy.function["recall"]']] }),
  "recall with all permissions": (policies) => ({ ...role(RECALL), may: [policies['aws_iam_role_policy.function["recall"]'], ALL] }),
  changer: () => ({ ...role("changer"), may: [ALL] }),
  operator: () => ({ ...role("operator"), may: [ALL] }),
  "role with a longer name": () => ({ ...role(`${WRITER}0`), may: [ALL] }),
  "user with the writer's name": () => ({ ...itself(`arn:aws:iam::${ACCOUNT}:user/${WRITER}`), may: [ALL] }),
  root: () => ({ ...itself(`arn:aws:iam::${ACCOUNT}:root`), may: [ALL] }),
  agents: () => ({ ...role("agents"), may: [ALL] }),
  analyst: () => ({ ...role("analyst"), may: [ALL] }),
  deployer: () => ({ ...role("deployer"), may: [ALL] }),
  erasure: () => ({ ...role("erasure"), may: [ALL] }),
  nobody: () => ({ ...role("nobody"), may: [] }),

  // With the pipeline: its roles, the roles that it creates if they were given all permissions, and a caller of the API.
  "plan role": (policies) => ({ ...role("memory-ingress-plan-prod-eu-central-1"), may: [capability(policies, "read")] }),
  "deploy role": (policies) => ({
    ...role("memory-ingress-deploy-prod-eu-central-1"),
    may: ["gateway", "observe", "read", "recall", "state", "write"].map((name) => capability(policies, name)),
  }),
  "bounded writer": (policies) => ({ ...role(WRITER), may: [EVERYTHING], within: boundary(policies, "writer") }),
  "bounded recall": (policies) => ({ ...role(RECALL), may: [EVERYTHING], within: boundary(policies, "recall") }),
  "bounded gateway log": (policies) => ({ ...role(GATEWAY_LOG), may: [EVERYTHING], within: boundary(policies, "gateway_log") }),
  replication: (policies) => ({ ...role(REPLICATION), may: [policies["aws_iam_role_policy.replication[0]"]], within: boundary(policies, "replication") }),
  "bounded replication": (policies) => ({ ...role(REPLICATION), may: [EVERYTHING], within: boundary(policies, "replication") }),
  caller: () => ({ ...role("caller"), may: [calling(["POST/*"])] }),
  "caller that may write": ({ calls }) => ({ ...role("caller"), may: [calling(calls.write)] }),
  "caller that may read": ({ calls }) => ({ ...role("caller"), may: [calling(calls.read)] }),
  "caller that may change": ({ calls }) => ({ ...role("caller"), may: [calling(calls.change)] }),
};
const calling = (calls) => ({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "execute-api:Invoke", Resource: calls.map((call) => `${API}/live/${call}`) }],
});
const capability = (policies, name) => policies[`aws_iam_policy.this["${name}-prod"]`];
const boundary = (policies, name) => policies[`aws_iam_policy.boundary["${name}-prod"]`];

// The simulator knows no resources of HTTP APIs, and no pattern whose first part is *, as in the permission for the smoke
// test. So no row asks for these.
const TABLE = [
  // variant, caller, action, resource, context, expected result
  ["default", "writer", "s3:PutObject", MEMORY, NEW, YES],
  ["default", "writer", "s3:PutObject", MEMORY, { ...NEW, "aws:ResourceAccount": "999999999999" }, NO],
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
  // The function's own policy lets it name no encryption at all. The bucket's lets others name the bucket's key.
  ["kms", "writer", "s3:PutObject", MEMORY, { ...NEW, [ENCRYPTION]: "aws:kms", [KEY_ID]: KEY }, NO],
  ["kms", "writer with all permissions", "s3:PutObject", MEMORY, { ...NEW, [ENCRYPTION]: "aws:kms", [KEY_ID]: KEY }, YES],
  ["kms", "writer with all permissions", "s3:PutObject", MEMORY, { ...NEW, [ENCRYPTION]: "aws:kms", [KEY_ID]: ANOTHER_KEY }, DENIED],
  ["kms", "writer with all permissions", "s3:PutObject", MEMORY, { ...NEW, [ENCRYPTION]: "aws:kms" }, DENIED],
  ["kms", "writer with all permissions", "s3:PutObject", MEMORY, { ...NEW, [ENCRYPTION]: "AES256" }, DENIED],
  ["default", "writer with all permissions", "s3:PutObject", MEMORY, { ...NEW, [ENCRYPTION]: "AES256" }, YES],

  // Recall that only reads.
  ["recall", "recall", "s3:GetObject", MEMORY, {}, YES],
  ["recall", "recall", "s3:GetObject", EVENT, {}, YES],
  ["recall", "recall", "s3:GetObject", MEMORY, { "aws:ResourceAccount": "999999999999" }, NO],
  ["recall", "recall", "s3:GetObject", MEMORY, { "aws:SecureTransport": "false" }, DENIED],
  ["recall", "recall", "s3:GetObject", `${BUCKET}/other.json`, {}, DENIED],
  ["recall", "recall", "s3:GetObjectVersion", MEMORY, {}, DENIED],
  ["recall", "recall", "s3:ListBucket", BUCKET, under("memories/domain=work/entity=rob/"), YES],
  ["recall", "recall", "s3:ListBucket", BUCKET, under("events/domain=work/entity=rob/"), YES],
  ["recall", "recall", "s3:ListBucket", BUCKET, under(""), DENIED],
  ["recall", "recall", "s3:ListBucket", BUCKET, under("memories"), DENIED],
  ["recall", "recall", "s3:ListBucket", BUCKET, {}, DENIED],
  ["recall", "recall", "s3:ListBucketVersions", BUCKET, under("memories/"), DENIED],
  ["recall", "recall", "s3:PutObject", MEMORY, NEW, DENIED],
  ["recall", "recall", "s3:PutObject", EVENT, NEW, DENIED],
  ["recall", "recall", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["recall", "recall", "s3:GetObject", VIEW, {}, YES],
  ["recall", "recall", "s3:ListBucket", VIEWS, under("domain=work/"), YES],
  ["recall", "recall", "s3:PutObject", VIEW, NEW, YES],
  ["recall", "recall", "s3:PutObject", VIEW, OF_THE_ONE_READ, YES],
  ["recall", "recall", "s3:PutObject", VIEW, {}, DENIED],
  ["recall", "recall", "s3:PutObject", VIEW, { ...NEW, "aws:SecureTransport": "false" }, DENIED],
  ["recall", "recall", "s3:PutObject", VIEW, { ...NEW, "aws:ResourceAccount": "999999999999" }, NO],
  ["recall", "recall", "s3:PutObject", VIEW, { ...NEW, "s3:x-amz-server-side-encryption-customer-algorithm": "AES256" }, DENIED],
  ["recall", "recall", "s3:PutObject", VIEW, { ...NEW, [ENCRYPTION]: "AES256" }, DENIED],
  ["recall", "recall", "s3:DeleteObject", VIEW, {}, DENIED],
  ["recall", "recall", "kms:Decrypt", KEY, {}, YES],
  ["recall", "recall", "kms:GenerateDataKey", KEY, {}, YES],
  ["recall", "recall", "kms:Decrypt", ANOTHER_KEY, {}, NO],
  ["recall", "recall", "logs:PutLogEvents", LOG.replace("memory-ingress", "memory-ingress-recall"), {}, YES],
  ["recall", "recall", "logs:PutLogEvents", LOG, {}, NO],
  ["recall", "recall with all permissions", "s3:PutObject", MEMORY, NEW, DENIED],
  ["recall", "recall with all permissions", "s3:PutObject", EVENT, NEW, DENIED],
  ["recall", "recall with all permissions", "s3:PutObject", `${BUCKET}/other.json`, NEW, DENIED],
  ["recall", "recall with all permissions", "s3:GetObject", `${BUCKET}/other.json`, {}, DENIED],
  ["recall", "recall with all permissions", "s3:ListBucket", BUCKET, under(""), DENIED],
  ["recall", "recall with all permissions", "s3:ListBucket", BUCKET, {}, DENIED],
  ["recall", "recall with all permissions", "s3:DeleteObject", MEMORY, {}, DENIED],
  ["recall", "recall with all permissions", "s3:PutBucketPolicy", BUCKET, {}, DENIED],
  ["recall", "recall with all permissions", "s3:GetObject", MEMORY, {}, YES],
  ["recall", "recall with all permissions", "s3:DeleteObject", VIEW, {}, DENIED],
  ["recall", "recall with all permissions", "s3:PutBucketPolicy", VIEWS, {}, DENIED],
  ["recall", "writer", "s3:PutObject", MEMORY, NEW, YES],
  ["recall", "writer", "s3:GetObject", MEMORY, {}, DENIED],
  ["recall", "writer", "s3:ListBucket", BUCKET, under("memories/"), DENIED],
  ["recall", "writer", "s3:PutObject", EVENT, NEW, DENIED],
  ["recall", "writer", "s3:GetObject", VIEW, {}, DENIED],
  ["recall", "writer", "s3:PutObject", VIEW, NEW, DENIED],
  ["recall", "writer", "kms:Decrypt", KEY, {}, NO],
  ["recall", "operator", "s3:GetObject", VIEW, {}, DENIED],
  ["recall", "operator", "s3:GetObjectTagging", VIEW, {}, DENIED],
  ["recall", "operator", "s3:PutObject", VIEW, NEW, DENIED],
  ["recall", "operator", "s3:ReplicateObject", VIEW, {}, DENIED],
  ["recall", "operator", "s3:DeleteObject", VIEW, {}, YES],
  ["recall", "operator", "s3:ListBucket", VIEWS, {}, YES],
  ["recall", "operator", "s3:ListBucket", VIEWS, { "aws:SecureTransport": "false" }, DENIED],
  ["recall", "operator", "s3:PutObject", EVENT, NEW, DENIED],
  ["recall", "operator", "s3:GetObject", MEMORY, {}, DENIED],
  ["recall", "root", "s3:GetObject", VIEW, {}, DENIED],
  ["recall", "changer", "s3:PutObject", EVENT, NEW, DENIED],
  ["recall", "erasure", "s3:PutObject", EVENT, NEW, DENIED],

  // Recall that may change, with principals for every purpose.
  ["changes", "recall", "s3:PutObject", EVENT, NEW, YES],
  ["changes", "recall", "s3:PutObject", EVENT, {}, DENIED],
  ["changes", "recall", "s3:PutObject", EVENT, OF_THE_ONE_READ, DENIED],
  ["changes", "recall", "s3:PutObject", MEMORY, NEW, DENIED],
  ["changes", "recall", "s3:DeleteObject", EVENT, {}, DENIED],
  ["changes", "recall", "s3:PutObject", VIEW, NEW, YES],
  ["changes", "recall", "s3:ListBucket", BUCKET, under("memories/"), YES],
  ["changes", "recall", "s3:ListBucket", VIEWS, under("domain=work/"), YES],
  ["changes", "recall with all permissions", "s3:PutObject", MEMORY, NEW, DENIED],
  ["changes", "recall with all permissions", "s3:PutObject", `${BUCKET}/other.json`, NEW, DENIED],
  ["changes", "recall with all permissions", "s3:PutObjectTagging", EVENT, {}, DENIED],
  ["changes", "recall with all permissions", "s3:DeleteObjectVersion", EVENT, {}, DENIED],
  ["changes", "writer", "s3:PutObject", EVENT, NEW, DENIED],
  ["changes", "writer with all permissions", "s3:PutObject", EVENT, NEW, DENIED],
  ["changes", "writer with all permissions", "s3:PutObject", VIEW, NEW, DENIED],
  ["changes", "changer", "s3:PutObject", EVENT, NEW, YES],
  ["changes", "changer", "s3:PutObject", EVENT, {}, DENIED],
  ["changes", "changer", "s3:PutObject", MEMORY, NEW, DENIED],
  ["changes", "changer", "s3:GetObject", MEMORY, {}, DENIED],
  ["changes", "agents", "s3:PutObject", MEMORY, NEW, YES],
  ["changes", "agents", "s3:PutObject", EVENT, NEW, DENIED],
  ["changes", "analyst", "s3:GetObject", EVENT, {}, YES],
  ["changes", "analyst", "s3:PutObject", EVENT, NEW, DENIED],
  ["changes", "analyst", "s3:GetObject", VIEW, {}, DENIED],
  ["changes", "analyst", "s3:ListBucket", VIEWS, {}, DENIED],
  ["changes", "deployer", "s3:ListBucket", VIEWS, {}, YES],
  ["changes", "deployer", "s3:GetObject", VIEW, {}, DENIED],
  ["changes", "operator", "s3:ListBucket", VIEWS, {}, DENIED],
  ["changes", "operator", "s3:DeleteObject", VIEW, {}, YES],
  ["changes", "erasure", "s3:PutObject", EVENT, NEW, YES],
  ["changes", "erasure", "s3:PutObject", EVENT, {}, DENIED],
  ["changes", "erasure", "s3:DeleteObjectVersion", EVENT, {}, YES],
  ["changes", "erasure", "s3:DeleteObject", VIEW, {}, YES],
  ["changes", "erasure", "s3:GetObject", VIEW, {}, YES],
  ["changes", "erasure", "s3:PutObject", VIEW, NEW, DENIED],
  ["changes", "erasure", "s3:ListBucket", VIEWS, {}, YES],

  // The grants of callers: none contains another.
  ...["memory", "memories", "api/v1/mcp/memory", "api/v1/mcp/memories"].flatMap((path) => [
    ["changes", "caller that may write", "execute-api:Invoke", `${API}/live/POST/${path}`, {}, YES],
    ["changes", "caller that may read", "execute-api:Invoke", `${API}/live/POST/${path}`, {}, NO],
    ["changes", "caller that may change", "execute-api:Invoke", `${API}/live/POST/${path}`, {}, NO],
    ...["GET", "HEAD"].flatMap((method) => ["", "/search", "/6f2c", "/6f2c/"].flatMap((rest) => [
      ["changes", "caller that may read", "execute-api:Invoke", `${API}/live/${method}/${path}${rest}`, {}, YES],
      ["changes", "caller that may write", "execute-api:Invoke", `${API}/live/${method}/${path}${rest}`, {}, NO],
      ["changes", "caller that may change", "execute-api:Invoke", `${API}/live/${method}/${path}${rest}`, {}, NO],
    ])),
    ...["DELETE", "PATCH"].flatMap((method) => [
      ["changes", "caller that may change", "execute-api:Invoke", `${API}/live/${method}/${path}/6f2c`, {}, YES],
      ["changes", "caller that may read", "execute-api:Invoke", `${API}/live/${method}/${path}/6f2c`, {}, NO],
      ["changes", "caller that may write", "execute-api:Invoke", `${API}/live/${method}/${path}/6f2c`, {}, NO],
      ["recall", "caller that may read", "execute-api:Invoke", `${API}/live/${method}/${path}/6f2c`, {}, NO],
    ]),
  ]),
  ...["mcp", "api/v1/mcp"].flatMap((path) => [
    ["changes", "caller that may write", "execute-api:Invoke", `${API}/live/POST/${path}`, {}, YES],
    ["changes", "caller that may write", "execute-api:Invoke", `${API}/live/POST/${path}/recall`, {}, NO],
    ["changes", "caller that may write", "execute-api:Invoke", `${API}/live/POST/${path}/recall/changes`, {}, NO],
    ["changes", "caller that may read", "execute-api:Invoke", `${API}/live/POST/${path}`, {}, NO],
    ["changes", "caller that may read", "execute-api:Invoke", `${API}/live/POST/${path}/recall`, {}, YES],
    ["changes", "caller that may read", "execute-api:Invoke", `${API}/live/POST/${path}/recall/`, {}, YES],
    ["changes", "caller that may read", "execute-api:Invoke", `${API}/live/GET/${path}/recall/health`, {}, YES],
    ["changes", "caller that may read", "execute-api:Invoke", `${API}/live/POST/${path}/recall/changes`, {}, NO],
    ["changes", "caller that may read", "execute-api:Invoke", `${API}/live/POST/${path}/recall/changes/`, {}, NO],
    ["changes", "caller that may change", "execute-api:Invoke", `${API}/live/POST/${path}/recall/changes`, {}, YES],
    ["changes", "caller that may change", "execute-api:Invoke", `${API}/live/POST/${path}/recall`, {}, NO],
    ["changes", "caller that may change", "execute-api:Invoke", `${API}/live/POST/${path}`, {}, NO],
    // What docs/recall-on-aws.md warns of.
    ["changes", "caller", "execute-api:Invoke", `${API}/live/POST/${path}/recall`, {}, YES],
  ]),

  ["pipeline", "plan role", "s3:GetObject", STATE, {}, YES],
  ["pipeline", "plan role", "s3:GetObject", STATE.replace("prod", "dev"), {}, NO],
  ["pipeline", "plan role", "s3:PutObject", STATE, {}, NO],
  ["pipeline", "plan role", "s3:ListBucket", BUCKET, {}, YES],
  ["pipeline", "plan role", "s3:GetBucketPolicy", BUCKET, {}, YES],
  ["pipeline", "plan role", "s3:GetObject", MEMORY, {}, DENIED],
  ["pipeline", "plan role", "s3:PutObject", MEMORY, NEW, DENIED],
  ["pipeline", "plan role", "s3:PutReplicationConfiguration", BUCKET, {}, NO],
  ["pipeline", "plan role", "apigateway:GET", `${GATEWAY}/apikeys/k`, tagged("memory-ingress"), YES],
  ["pipeline", "plan role", "apigateway:GET", `${GATEWAY}/apikeys/k`, tagged("memory-ingress-dev"), NO],
  ["pipeline", "plan role", "apigateway:GET", `${GATEWAY}/apikeys/k`, {}, NO],
  ["pipeline", "plan role", "apigateway:GET", `${GATEWAY}/apikeys`, {}, NO],
  ["pipeline", "plan role", "apigateway:GET", `${GATEWAY}/usageplans/u/keys/k`, tagged("memory-ingress"), YES],
  ["pipeline", "plan role", "apigateway:GET", `${GATEWAY}/usageplans/u/keys/k`, {}, NO],
  ["pipeline", "plan role", "apigateway:GET", `${GATEWAY}/restapis/a`, tagged("memory-ingress"), YES],
  ["pipeline", "plan role", "apigateway:GET", `${GATEWAY}/restapis/a/stages/live`, tagged("memory-ingress"), YES],
  ["pipeline", "plan role", "apigateway:GET", `${GATEWAY}/restapis/a`, {}, NO],
  ["pipeline", "plan role", "apigateway:GET", `${GATEWAY}/account`, {}, YES],
  ["pipeline", "plan role", "apigateway:PATCH", `${GATEWAY}/restapis/a`, tagged("memory-ingress"), NO],
  ["pipeline", "plan role", "iam:GetRole", roleArn(WRITER), {}, YES],
  ["pipeline", "plan role", "iam:GetRole", roleArn("operator"), {}, NO],
  ["pipeline", "plan role", "iam:PutRolePolicy", roleArn(WRITER), bounded("writer"), NO],
  ["pipeline", "plan role", "lambda:GetFunction", FUNCTION, {}, YES],
  ["pipeline", "plan role", "lambda:UpdateFunctionCode", FUNCTION, {}, NO],
  ["pipeline", "plan role", "logs:GetLogEvents", LOG, {}, NO],
  ["pipeline", "plan role", "execute-api:Invoke", `${API}/live/POST/memory`, {}, NO],

  ["pipeline", "deploy role", "s3:PutObject", STATE, {}, YES],
  ["pipeline", "deploy role", "s3:PutObject", `${STATE}.tflock`, {}, YES],
  ["pipeline", "deploy role", "s3:DeleteObject", `${STATE}.tflock`, {}, YES],
  ["pipeline", "deploy role", "s3:DeleteObject", STATE, {}, NO],
  ["pipeline", "deploy role", "s3:PutObject", STATE.replace("prod", "dev"), {}, NO],
  ["pipeline", "deploy role", "s3:PutObject", STATE, { "aws:SecureTransport": "false" }, DENIED],
  ["pipeline", "deploy role", "s3:PutBucketPolicy", STATES, {}, NO],
  ["pipeline", "deploy role", "s3:CreateBucket", BUCKET, {}, YES],
  ["pipeline", "deploy role", "s3:ListBucket", BUCKET, {}, YES],
  ["pipeline", "deploy role", "s3:PutBucketPolicy", BUCKET, {}, YES],
  ["pipeline", "deploy role", "s3:PutReplicationConfiguration", BUCKET, {}, YES],
  ["pipeline", "deploy role", "s3:PutLifecycleConfiguration", BUCKET, {}, DENIED],
  ["pipeline", "deploy role", "s3:DeleteBucketPolicy", BUCKET, {}, DENIED],
  ["pipeline", "deploy role", "s3:DeleteBucket", BUCKET, {}, DENIED],
  ["pipeline", "deploy role", "s3:GetObject", MEMORY, {}, DENIED],
  ["pipeline", "deploy role", "s3:PutObject", MEMORY, NEW, DENIED],
  ["pipeline", "deploy role", "s3:DeleteObjectVersion", MEMORY, {}, DENIED],
  ["pipeline", "deploy role", "s3:ReplicateObject", MEMORY, {}, DENIED],
  ["pipeline", "deploy role", "s3:ReplicateObject", REPLICA, {}, NO],
  ["pipeline", "deploy role", "s3:PutBucketPolicy", `${BUCKET}-2`, {}, NO],
  ["pipeline", "deploy role", "lambda:CreateFunction", FUNCTION, {}, YES],
  ["pipeline", "deploy role", "lambda:UpdateAlias", FUNCTION, {}, YES],
  ["pipeline", "deploy role", "lambda:UpdateFunctionCode", `${FUNCTION}-dev`, {}, NO],
  ["pipeline", "deploy role", "lambda:DeleteFunction", FUNCTION, {}, NO],
  ["pipeline", "deploy role", "lambda:InvokeFunction", FUNCTION, {}, NO],
  ["pipeline", "deploy role", "iam:CreateRole", roleArn(WRITER), bounded("writer"), YES],
  ["pipeline", "deploy role", "iam:CreateRole", roleArn(GATEWAY_LOG), bounded("gateway-log"), YES],
  ["pipeline", "deploy role", "iam:CreateRole", roleArn(REPLICATION), bounded("replication"), YES],
  ["pipeline", "deploy role", "iam:CreateRole", roleArn(WRITER), {}, NO],
  ["pipeline", "deploy role", "iam:CreateRole", roleArn(WRITER), bounded("gateway-log"), NO],
  ["pipeline", "deploy role", "iam:CreateRole", roleArn(WRITER), bounded("replication"), NO],
  ["pipeline", "deploy role", "iam:CreateRole", roleArn(WRITER), bounded("writer", "dev"), NO],
  ["pipeline", "deploy role", "iam:CreateRole", roleArn("operator"), bounded("writer"), NO],
  ["pipeline", "deploy role", "iam:PutRolePermissionsBoundary", roleArn(WRITER), bounded("replication"), NO],
  ["pipeline", "deploy role", "iam:DeleteRolePermissionsBoundary", roleArn(WRITER), bounded("writer"), NO],
  ["pipeline", "deploy role", "iam:PutRolePolicy", roleArn(WRITER), bounded("writer"), YES],
  ["pipeline", "deploy role", "iam:PutRolePolicy", roleArn(WRITER), {}, NO],
  ["pipeline", "deploy role", "iam:PutRolePolicy", roleArn(GATEWAY_LOG), bounded("gateway-log"), NO],
  ["pipeline", "deploy role", "iam:AttachRolePolicy", roleArn(GATEWAY_LOG), { ...bounded("gateway-log"), ...policyOfAws("service-role/AmazonAPIGatewayPushToCloudWatchLogs") }, YES],
  ["pipeline", "deploy role", "iam:AttachRolePolicy", roleArn(GATEWAY_LOG), { ...bounded("gateway-log"), ...policyOfAws("AdministratorAccess") }, NO],
  ["pipeline", "deploy role", "iam:AttachRolePolicy", roleArn(WRITER), { ...bounded("writer"), ...policyOfAws("AdministratorAccess") }, NO],
  ["pipeline", "deploy role", "iam:PutRolePolicy", roleArn("memory-ingress-deploy-prod-eu-central-1"), {}, NO],
  ["pipeline", "deploy role", "iam:UpdateAssumeRolePolicy", roleArn(WRITER), {}, NO],
  ["pipeline", "deploy role", "iam:CreatePolicyVersion", `arn:aws:iam::${ACCOUNT}:policy/memory-ingress-boundary-writer-prod-eu-central-1`, {}, NO],
  ["pipeline", "deploy role", "iam:PassRole", roleArn(WRITER), passed("lambda"), YES],
  ["pipeline", "deploy role", "iam:PassRole", roleArn(WRITER), passed("ec2"), NO],
  ["pipeline", "deploy role", "iam:PassRole", roleArn(REPLICATION), passed("s3"), YES],
  ["pipeline", "deploy role", "iam:PassRole", roleArn(REPLICATION), passed("lambda"), NO],
  ["pipeline", "deploy role", "iam:PassRole", roleArn(GATEWAY_LOG), passed("apigateway"), YES],
  ["pipeline", "deploy role", "iam:PassRole", roleArn("operator"), passed("lambda"), NO],
  ["pipeline", "deploy role", "apigateway:POST", `${GATEWAY}/restapis`, tagging("memory-ingress"), YES],
  ["pipeline", "deploy role", "apigateway:POST", `${GATEWAY}/apikeys`, tagging("memory-ingress"), YES],
  ["pipeline", "deploy role", "apigateway:POST", `${GATEWAY}/usageplans`, tagging("memory-ingress"), YES],
  ["pipeline", "deploy role", "apigateway:POST", `${GATEWAY}/apikeys`, tagging("memory-ingress-dev"), NO],
  ["pipeline", "deploy role", "apigateway:POST", `${GATEWAY}/restapis`, {}, NO],
  ["pipeline", "deploy role", "apigateway:POST", `${GATEWAY}/restapis/a/resources`, tagged("memory-ingress"), YES],
  ["pipeline", "deploy role", "apigateway:PUT", `${GATEWAY}/restapis/a/gatewayresponses/THROTTLED`, tagged("memory-ingress"), YES],
  ["pipeline", "deploy role", "apigateway:POST", `${GATEWAY}/usageplans/u/keys`, tagged("memory-ingress"), YES],
  ["pipeline", "deploy role", "apigateway:DELETE", `${GATEWAY}/restapis/a`, {}, NO],
  ["pipeline", "deploy role", "apigateway:PATCH", `${GATEWAY}/apikeys/k`, tagged("memory-ingress-dev"), NO],
  ["pipeline", "deploy role", "apigateway:GET", `${GATEWAY}/apikeys/k`, {}, NO],
  ["pipeline", "deploy role", "apigateway:PATCH", `${GATEWAY}/account`, {}, YES],
  ["pipeline", "deploy role", "apigateway:POST", `${GATEWAY}/restapis`.replace("eu-", "us-"), tagging("memory-ingress"), NO],
  ["pipeline", "deploy role", "logs:PutRetentionPolicy", LOG.replace(":log-stream:1", ""), {}, YES],
  ["pipeline", "deploy role", "logs:AssociateKmsKey", LOG.replace(":log-stream:1", ""), {}, YES],
  ["pipeline", "deploy role", "logs:PutRetentionPolicy", EXECUTION_LOG, {}, YES],
  ["pipeline", "deploy role", "logs:PutRetentionPolicy", EXECUTION_LOG.replace("/live", "/another"), {}, NO],
  ["pipeline", "deploy role", "logs:DeleteLogGroup", EXECUTION_LOG, {}, NO],
  ["pipeline", "deploy role", "logs:DeleteLogGroup", LOG.replace(":log-stream:1", ""), {}, NO],
  ["pipeline", "deploy role", "logs:GetLogEvents", LOG, {}, NO],
  ["pipeline", "deploy role", "cloudwatch:PutMetricAlarm", `arn:aws:cloudwatch:eu-central-1:${ACCOUNT}:alarm:memory-ingress-errors`, {}, YES],
  ["pipeline", "deploy role", "cloudwatch:DeleteAlarms", `arn:aws:cloudwatch:eu-central-1:${ACCOUNT}:alarm:another`, {}, NO],

  ["pipeline", "bounded writer", "s3:PutObject", MEMORY, NEW, YES],
  ["pipeline", "bounded writer", "s3:PutObject", MEMORY, {}, DENIED],
  ["pipeline", "bounded writer", "s3:GetObject", MEMORY, {}, DENIED],
  ["pipeline", "bounded writer", "s3:GetObject", "arn:aws:s3:::another-bucket/x", {}, NO],
  ["pipeline", "bounded writer", "s3:PutObject", REPLICA, NEW, NO],
  ["pipeline", "bounded writer", "kms:GenerateDataKey", KEY, viaS3, YES],
  ["pipeline", "bounded writer", "kms:GenerateDataKey", KEY, {}, NO],
  ["pipeline", "bounded writer", "kms:Decrypt", KEY, viaS3, NO],
  ["pipeline", "bounded writer", "logs:PutLogEvents", LOG, {}, YES],
  ["pipeline", "bounded writer", "logs:PutLogEvents", LOG.replace("memory-ingress", "another"), {}, NO],
  ["pipeline", "bounded writer", "logs:GetLogEvents", LOG, {}, NO],
  ["pipeline", "bounded writer", "logs:FilterLogEvents", LOG.replace(":log-stream:1", ""), {}, NO],
  ["pipeline", "bounded writer", "iam:PassRole", roleArn(WRITER), passed("lambda"), NO],
  ["pipeline", "plan role", "s3:GetBucketPolicy", VIEWS, {}, YES],
  ["pipeline", "plan role", "s3:GetObject", VIEW, {}, DENIED],
  ["pipeline", "plan role", "lambda:GetFunction", `${FUNCTION}-recall`, {}, YES],
  ["pipeline", "plan role", "execute-api:Invoke", `${API}/live/GET/memory`, {}, NO],
  ["pipeline", "deploy role", "s3:CreateBucket", VIEWS, {}, YES],
  ["pipeline", "deploy role", "s3:PutLifecycleConfiguration", VIEWS, {}, YES],
  ["pipeline", "deploy role", "s3:DeleteBucket", VIEWS, {}, NO],
  ["pipeline", "deploy role", "s3:DeleteObject", VIEW, {}, DENIED],
  ["pipeline", "deploy role", "s3:GetObject", VIEW, {}, DENIED],
  ["pipeline", "deploy role", "s3:PutObject", VIEW, NEW, DENIED],
  ["pipeline", "deploy role", "s3:PutObject", EVENT, NEW, DENIED],
  ["pipeline", "deploy role", "lambda:UpdateFunctionCode", `${FUNCTION}-recall`, {}, YES],
  ["pipeline", "deploy role", "lambda:DeleteFunction", `${FUNCTION}-recall`, {}, NO],
  ["pipeline", "deploy role", "iam:CreateRole", roleArn(RECALL), bounded("recall"), YES],
  ["pipeline", "deploy role", "iam:CreateRole", roleArn(RECALL), bounded("writer"), NO],
  ["pipeline", "deploy role", "iam:CreateRole", roleArn(WRITER), bounded("recall"), NO],
  ["pipeline", "deploy role", "iam:PutRolePolicy", roleArn(RECALL), bounded("recall"), YES],
  ["pipeline", "deploy role", "iam:PutRolePolicy", roleArn(RECALL), {}, NO],
  ["pipeline", "deploy role", "iam:PassRole", roleArn(RECALL), passed("lambda"), YES],
  ["pipeline", "deploy role", "iam:PassRole", roleArn(RECALL), passed("ec2"), NO],
  ["pipeline", "deploy role", "logs:PutRetentionPolicy", LOG.replace("memory-ingress:log-stream:1", "memory-ingress-recall"), {}, YES],
  ["pipeline", "bounded recall", "s3:GetObject", MEMORY, {}, YES],
  ["pipeline", "bounded recall", "s3:GetObject", EVENT, {}, YES],
  ["pipeline", "bounded recall", "s3:ListBucket", BUCKET, under("memories/"), YES],
  ["pipeline", "bounded recall", "s3:ListBucket", BUCKET, under(""), DENIED],
  ["pipeline", "bounded recall", "s3:PutObject", MEMORY, NEW, DENIED],
  ["pipeline", "bounded recall", "s3:PutObject", EVENT, NEW, YES],
  ["pipeline", "bounded recall", "s3:PutObject", VIEW, NEW, YES],
  ["pipeline", "bounded recall", "s3:DeleteObject", VIEW, {}, DENIED],
  ["pipeline", "bounded recall", "s3:GetObject", "arn:aws:s3:::another-bucket/x", {}, NO],
  ["pipeline", "bounded recall", "s3:PutObject", REPLICA, NEW, NO],
  ["pipeline", "bounded recall", "kms:Decrypt", KEY, viaS3, YES],
  ["pipeline", "bounded recall", "kms:Decrypt", KEY, {}, NO],
  ["pipeline", "bounded recall", "logs:PutLogEvents", LOG.replace("memory-ingress", "memory-ingress-recall"), {}, YES],
  ["pipeline", "bounded recall", "logs:PutLogEvents", LOG, {}, NO],
  ["pipeline", "bounded recall", "logs:GetLogEvents", LOG, {}, NO],
  ["pipeline", "bounded recall", "lambda:InvokeFunction", FUNCTION, {}, NO],
  ["pipeline", "bounded gateway log", "logs:PutLogEvents", LOG, {}, YES],
  ["pipeline", "bounded gateway log", "s3:GetObject", "arn:aws:s3:::another-bucket/x", {}, NO],
  ["pipeline", "bounded gateway log", "s3:PutObject", MEMORY, NEW, DENIED],
  ["pipeline", "bounded gateway log", "lambda:InvokeFunction", FUNCTION, {}, NO],
  ["pipeline", "replication", "s3:GetObjectVersionForReplication", MEMORY, {}, YES],
  ["pipeline", "replication", "s3:GetReplicationConfiguration", BUCKET, {}, YES],
  ["pipeline", "replication", "s3:ReplicateObject", REPLICA, {}, YES],
  ["pipeline", "replication", "s3:ReplicateDelete", REPLICA, {}, NO],
  ["pipeline", "replication", "s3:GetObject", MEMORY, {}, NO],
  ["pipeline", "replication", "s3:PutObject", MEMORY, NEW, DENIED],
  ["pipeline", "replication", "kms:Decrypt", KEY, viaS3, YES],
  ["pipeline", "replication", "kms:Decrypt", KEY, {}, NO],
  ["pipeline", "replication", "kms:Encrypt", KEY_OF_THE_REPLICA, {}, YES],
  ["pipeline", "replication", "kms:Encrypt", KEY, {}, NO],
  ["pipeline", "bounded replication", "s3:GetObject", MEMORY, {}, NO],
  ["pipeline", "bounded replication", "s3:ReplicateObject", MEMORY, {}, DENIED],
  ["pipeline", "bounded replication", "s3:ReplicateObject", "arn:aws:s3:::another-bucket/x", {}, NO],
  ["pipeline", "bounded replication", "logs:GetLogEvents", LOG, {}, NO],

  ["pipeline", "caller", "execute-api:Invoke", `${API}/live/POST/memory`, {}, YES],
  ["pipeline", "caller", "execute-api:Invoke", `${API}/live/GET/health`, {}, NO],
  ["pipeline", "caller", "execute-api:Invoke", `${API.replace("abc", "xyz")}/live/POST/memory`, {}, NO],
  ["pipeline", "caller", "lambda:InvokeFunction", FUNCTION, {}, NO],
  ["pipeline", "caller", "s3:PutObject", MEMORY, NEW, DENIED],
  ["pipeline", "caller", "s3:GetObject", MEMORY, {}, DENIED],
  ["pipeline", "nobody", "execute-api:Invoke", `${API}/live/POST/memory`, {}, NO],
  ["pipeline", "nobody", "lambda:InvokeFunction", FUNCTION, {}, NO],
  ["pipeline", "nobody", "s3:GetObject", STATE, {}, NO],
  // Whoever has all permissions on S3, but is named nowhere.
  ["pipeline", "operator", "s3:GetObject", MEMORY, {}, DENIED],
  ["pipeline", "operator", "s3:PutObject", MEMORY, NEW, DENIED],
  ["pipeline", "operator", "s3:ListBucket", BUCKET, {}, DENIED],
  ["pipeline", "operator", "s3:PutReplicationConfiguration", BUCKET, {}, DENIED],
];

// A key's policy leaves the decision to the policies of the account. Other resources have no policy.
const DELEGATED = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "kms:*", Resource: "*" }],
};
const policyOf = (resource, policies) => {
  const isOf = (bucket) => resource === bucket || resource.startsWith(`${bucket}/`);
  if (isOf(BUCKET)) return policies["aws_s3_bucket_policy.memories"];
  if (isOf(VIEWS)) return policies["aws_s3_bucket_policy.views[0]"];
  if (isOf(STATES)) return policies["aws_s3_bucket_policy.state"];
  return resource.includes(":kms:") ? DELEGATED : undefined;
};

const policies = JSON.parse(readFileSync(process.argv[2]));
let wrong = 0;
for (const [variant, name, action, resource, context, expected] of TABLE) {
  const who = WHO[name](policies[variant]);
  const answer = await runSimulation(
    {
      request: {
        principal: who.principal,
        action,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: { "aws:SecureTransport": "true", "aws:PrincipalArn": who.is, "aws:ResourceAccount": ACCOUNT, ...context },
      },
      identityPolicies: who.may.map((policy, number) => ({ name: `${number}`, policy })),
      permissionBoundaryPolicies: who.within && [{ name: "boundary", policy: who.within }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: policyOf(resource, policies[variant]),
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
