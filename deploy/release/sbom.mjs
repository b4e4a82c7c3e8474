// Prints the SPDX file of sbom-tool without what differs from run to run: the order of things, and an identifier made up for each run.
// And without the compilers, which are not in the archive.
import { readFileSync } from 'node:fs';

const compilers = /^Microsoft\.(NETCore\.App\.Crossgen2|NET\.ILLink)\./;
const sbom = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const left = new Set(sbom.packages.filter(({ name }) => compilers.test(name)).map(({ SPDXID }) => SPDXID));

sbom.packages = sbom.packages.filter(({ SPDXID }) => !left.has(SPDXID));
sbom.relationships = sbom.relationships.filter(({ relatedSpdxElement, spdxElementId }) => !left.has(relatedSpdxElement) && !left.has(spdxElementId));
for (const one of sbom.packages) {
  one.externalRefs = one.externalRefs?.filter(({ referenceLocator }) => !referenceLocator.startsWith('pkg:swid/'));
  one.hasFiles?.sort();
}

const text = (one) => JSON.stringify(one);
const order = (a, b) => (text(a) < text(b) ? -1 : 1);
for (const list of [sbom.files, sbom.packages, sbom.relationships]) list.sort(order);
console.log(JSON.stringify(sbom, null, 2));
