// Reads what kustomize makes from standard input, and writes a program that checks it: tsc finds what Kubernetes does not know,
// and running it what Kubernetes would not take.
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

parseAllDocuments(readFileSync(0, 'utf8'), { strict: true }).forEach((document, i) => {
  if (document.errors.length > 0) throw document.errors[0];
  const { apiVersion, kind, ...manifest } = document.toJS();
  console.log(`import { ${kind} as Kind${i} } from 'kubernetes-models/${apiVersion}/${kind}';`);
  console.log(`new Kind${i}(${JSON.stringify(manifest, null, 2)}).validate();`);
});
