// Checks when the jobs and steps of the deployment run, by GitHub's own evaluator of expressions.
//
// usage: node tests/aws/conditions.mjs WORKFLOWS
//
// WORKFLOWS is the folder .github/workflows. Run it in a folder whose node_modules has @actions/expressions and yaml.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const installed = (path) => import(pathToFileURL(`${process.cwd()}/node_modules/${path}`));
const { parse } = (await installed("yaml/dist/index.js")).default;
const { Evaluator, Lexer, Parser, data } = await installed("@actions/expressions/dist/index.js");

const workflow = (name) => parse(readFileSync(`${process.argv[2]}/${name}.yml`, "utf8"));
const { package: build, prod } = workflow("deploy").jobs;
const packaging = build.steps.find((step) => step.run?.startsWith("terraform/package.py"));
const { steps } = workflow("deploy-environment").jobs.apply;
const smoke = steps.find((step) => step.id === "smoke");
const rollBack = steps.find((step) => step.name === "Roll back");
const rollBackRecall = steps.find((step) => step.id === "recall");

const asData = (value) =>
  typeof value === "string"
    ? new data.StringData(value)
    : new data.Dictionary(...Object.entries(value).map(([key, inner]) => ({ key, value: asData(inner) })));

/** The text that GitHub puts in the place of an expression. */
function evaluated(expression, contexts, isCancelled = false) {
  const text = expression.trim().replace(/^\$\{\{(.*)\}\}$/s, "$1");
  const status = (name, value) => ({ name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(value) });
  const functions = [status("always", true), status("cancelled", isCancelled)];
  const tree = new Parser(new Lexer(text).lex().tokens, Object.keys(contexts), functions).parse();
  const result = new Evaluator(tree, asData(contexts), new Map(functions.map((one) => [one.name, one]))).evaluate();
  return result.coerceString();
}

/** Whether GitHub runs what has this condition. */
const runs = (...given) => evaluated(...given) === "true";

const mayFollow = (packaged, dev, settings, isCancelled) =>
  runs(prod.if, { needs: { package: { result: packaged }, dev: { result: dev } }, vars: { DEPLOY_PROD: settings } }, isCancelled);
const isTested = (apply, isCancelled) => runs(smoke.if, { steps: { apply: { outcome: apply } } }, isCancelled);
const isRolledBack = (release, live, isCancelled, afterRecall = "") =>
  runs(rollBack.if, { steps: { smoke: { outputs: { release } }, plan: { outputs: { live } }, recall: { outputs: { release: afterRecall } } } }, isCancelled);
const isRecallRolledBack = (release, live, isCancelled) =>
  runs(rollBackRecall.if, { steps: { smoke: { outputs: { release } }, plan: { outputs: { recall_live: live } } } }, isCancelled);

/** Whether the package of recall is built, by the values of the two variables. */
const isRecallBuilt = (dev, prod) => evaluated(packaging.env.RECALL, { vars: { DEPLOY_DEV: dev, DEPLOY_PROD: prod } }) !== "";
const settings = (recall) => JSON.stringify({ region: "eu-central-1", boundaries: { recall, writer: "arn:writer" } });

const TABLE = [
  ["recall is built for dev", isRecallBuilt(settings("arn:recall"), ""), true],
  ["recall is built for prod alone", isRecallBuilt(settings(null), settings("arn:recall")), true],
  ["recall is not built where no environment has it", isRecallBuilt(settings(null), settings(null)), false],
  ["recall is not built where the settings are older than recall", isRecallBuilt('{"region":"eu-central-1","boundaries":{}}', ""), false],
  ["prod follows a good dev", mayFollow("success", "success", "{}", false), true],
  ["prod follows if there is no dev", mayFollow("success", "skipped", "{}", false), true],
  ["prod does not follow a failed dev", mayFollow("success", "failure", "{}", false), false],
  ["prod does not follow a cancelled dev", mayFollow("success", "cancelled", "{}", false), false],
  ["prod does not follow if there is no package", mayFollow("failure", "skipped", "{}", false), false],
  ["prod does not follow if the run is cancelled", mayFollow("success", "success", "{}", true), false],
  ["prod is left out without its variable", mayFollow("success", "success", "", false), false],
  ["a deployment is tested", isTested("success", false), true],
  ["a failed apply is tested too", isTested("failure", false), true],
  ["nothing is tested without an apply", isTested("skipped", false), false],
  ["nothing is tested if the run is cancelled", isTested("cancelled", true), false],
  ["a bad release is rolled back", isRolledBack("bad", "7", false), true],
  ["a bad release is rolled back even if the run is cancelled then", isRolledBack("bad", "7", true), true],
  ["a good release stays", isRolledBack("good", "7", false), false],
  ["a release of which nothing is proved stays", isRolledBack("unproved", "7", false), false],
  ["a release stays if the smoke test did not run", isRolledBack("", "7", false), false],
  ["a first release has nothing to go back to", isRolledBack("bad", "", false), false],
  ["recall is rolled back with a bad release", isRecallRolledBack("bad", "3", false), true],
  ["recall is rolled back even if the run is cancelled then", isRecallRolledBack("bad", "3", true), true],
  ["recall stays with a good release", isRecallRolledBack("good", "3", false), false],
  ["recall stays with a release of which nothing is proved", isRecallRolledBack("unproved", "3", false), false],
  ["a deployment without recall has none to go back to", isRecallRolledBack("bad", "", false), false],
  ["the writer stays if recall was the cause", isRolledBack("bad", "7", false, "good"), false],
  ["the writer is rolled back if recall was not the cause", isRolledBack("bad", "7", false, "bad"), true],
  ["the writer is rolled back if nothing is proved after recall", isRolledBack("bad", "7", false, "unproved"), true],
];

let faults = 0;
for (const [what, found, expected] of TABLE) {
  if (found !== expected) {
    faults += 1;
    console.log(`${what}: expected ${expected}, found ${found}`);
  }
}
console.log(`${TABLE.length} conditions, ${faults} faults`);
process.exit(faults > 0 ? 1 : 0);
