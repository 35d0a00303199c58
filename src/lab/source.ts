/** What a lab is made from: the description, and the texts for each namespace by the file names of a case directory. @module */
import { isRecord, LabError } from './shape.ts';
import { checkTopology, type Topology } from './topology.ts';

/** A text in a language of the kernel's tools, and the name that messages give it. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
}

/** A checked description and its texts. */
export interface LabSource {
  /** The file that the description came from, for messages. */
  readonly file: string;
  readonly topology: Topology;
  /** By namespace: iptables-save text, the same for ip6tables, `ipset restore` text. */
  readonly rules: ReadonlyMap<string, SourceText>;
  readonly rules6: ReadonlyMap<string, SourceText>;
  readonly ipset: ReadonlyMap<string, SourceText>;
}

/** Extensions of files that belong to a namespace, and who loads them. */
const TEXTS = ['rules', 'rules6', 'ipset'] as const;
type TextKind = (typeof TEXTS)[number];

/** Languages whose files a case may hold and that are not emulated yet: loading them silently in part would mislead. */
const UNSUPPORTED = ['nft', 'ipvs'] as const;

/**
 * Put a checked description and texts together.
 * @param texts by file name (`r.rules`)
 * @param folder what stands before a file's name in messages: '' or `dir/`
 * @throws {LabError} when the description is wrong, or a text belongs to no namespace
 */
export function labSource(value: unknown, file: string, texts: ReadonlyMap<string, string>, folder = ''): LabSource {
  const topology = checkTopology(value, file);
  const source = { file, topology, rules: new Map(), rules6: new Map(), ipset: new Map() } satisfies LabSource;
  for (const [name, text] of texts) {
    const dot = name.lastIndexOf('.');
    const [ns, kind] = [name.slice(0, dot), name.slice(dot + 1)];
    const known = topology.namespaces[ns] !== undefined;
    if ((UNSUPPORTED as readonly string[]).includes(kind) && known) {
      throw new LabError(folder + name, '', `${kind} files are not supported yet, expected ${TEXTS.join(', ')}`);
    }
    if (!(TEXTS as readonly string[]).includes(kind)) continue;
    if (!known) {
      const expected = Object.keys(topology.namespaces).join(', ');
      throw new LabError(folder + name, '', `unknown namespace ${JSON.stringify(ns)}, expected one of ${expected}`);
    }
    source[kind as TextKind].set(ns, { file: folder + name, text } satisfies SourceText);
  }
  return source;
}

/** The name that a namespace's text has as a file: `r.rules`. */
export const isNamespaceText = (name: string): boolean =>
  [...TEXTS, ...UNSUPPORTED].some((kind) => name.endsWith(`.${kind}`));

/**
 * Take the texts out of a description that holds them itself: `r.rules: "..."` at the top, or `rules: "..."` in a namespace
 * (there a list means policy rules). Each is told with its path in the description.
 */
export function splitTexts(value: unknown): {
  readonly description: unknown;
  readonly texts: ReadonlyMap<string, { readonly text: string; readonly path: readonly string[] }>;
} {
  const texts = new Map<string, { text: string; path: readonly string[] }>();
  const take = (name: string, text: string, path: readonly string[]) => texts.set(name, { text, path });
  const without = (fields: Readonly<Record<string, unknown>>, taken: (key: string, text: string) => boolean) =>
    Object.fromEntries(
      Object.entries(fields).filter(([key, field]) => typeof field !== 'string' || !taken(key, field)),
    );

  if (!isRecord(value)) return { description: value, texts };
  const top = without(value, (key, text) => isNamespaceText(key) && take(key, text, [key]) !== undefined);
  const { namespaces } = top;
  if (!isRecord(namespaces)) return { description: top, texts };
  const stripped = Object.entries(namespaces).map(([ns, config]) => {
    if (!isRecord(config)) return [ns, config];
    const isText = (key: string) => [...TEXTS, ...UNSUPPORTED].includes(key as TextKind);
    const taken = (key: string, text: string) =>
      isText(key) && take(`${ns}.${key}`, text, ['namespaces', ns, key]) !== undefined;
    return [ns, without(config, taken)];
  });
  return { description: { ...top, namespaces: Object.fromEntries(stripped) }, texts };
}

/** Description and texts of a case directory's files, by name. @throws {LabError} */
export function readCase(files: ReadonlyMap<string, string>, folder = ''): LabSource {
  const file = `${folder}topology.json`;
  const text = files.get('topology.json');
  if (text === undefined) throw new LabError(file, '', 'no such file in the case directory');
  return labSource(parseJson(text, file), file, files, folder);
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new LabError(file, '', `not JSON: ${(error as Error).message}`);
  }
}
