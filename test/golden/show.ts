/** `npx tsx test/golden/show.ts [NAME]`: lists the bundled rule texts, or prints those whose name contains NAME. */
import { goldenTexts } from './rules.ts';

const wanted = process.argv[2];
for (const golden of goldenTexts()) {
  const { name, family, kind, backend, text, base, saved } = golden;
  if (wanted === undefined) console.log(`${kind.padEnd(8)}${family.padEnd(6)}${backend.padEnd(8)}${name}`);
  else if (name.includes(wanted)) {
    console.log(`# ---- ${name} (${kind}, ${family}, ${backend})\n${text}`);
    if (base !== undefined) console.log(`# ---- before\n${base}`);
    if (saved !== undefined) console.log(`# ---- afterwards\n${saved}`);
  }
}
