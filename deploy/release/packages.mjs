// Prints the folder below NuGet's, such as clickhouse.driver/1.5.0, of each package that the given project.assets.json files bring into a program.
import { readFileSync } from 'node:fs';

const folders = new Set();
for (const file of process.argv.slice(2)) {
  const assets = JSON.parse(readFileSync(file, 'utf8'));
  for (const library of Object.values(assets.libraries)) {
    // The linker is a package of the project, and not in the program.
    if (library.type === 'package' && !library.path.includes('illink')) folders.add(library.path);
  }
  for (const framework of Object.values(assets.project.frameworks)) {
    for (const { name, version } of framework.downloadDependencies ?? []) {
      if (name.includes('.Runtime.')) folders.add(`${name}/${/[\d.]+/.exec(version)[0]}`.toLowerCase());
    }
  }
}
console.log([...folders].sort().join('\n'));
