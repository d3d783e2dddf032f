/**
 * Which areas of `src` may import which (the floors), and which packages each may import.
 *
 * Pure: takes paths and texts, gives findings. Type-only imports count like others, because a type from a higher
 * floor ties the two together as well; only the rule about Effect's modules *at run time* leaves them out.
 *
 * @since 0.1.0
 */

/**
 * One import that breaks a rule, at a place in a file.
 *
 * @category models
 * @since 0.1.0
 */
export interface Finding {
  /** Path from the repository's root, with `/`. */
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  readonly message: string
}

/**
 * One import or re-export as it stands in a file.
 *
 * @category models
 * @since 0.1.0
 */
export interface Import {
  readonly specifier: string
  readonly line: number
  readonly typeOnly: boolean
  /** `import("…")`: loaded only when that line runs. */
  readonly dynamic: boolean
}

interface Floor {
  /** The areas that it may import besides itself. */
  readonly on: ReadonlyArray<string>
  /** Which packages: nothing, only `effect`, only `react`, or any that package.json declares. */
  readonly packages: "none" | "pure" | "effect" | "react" | "any"
}

// The files directly in src, `BackendError` and what is made of it, are the area "ground"; `index.ts` is "index".
const ground = ["ground", "schema", "audio", "text", "conversation"]
const contracts = [...ground, "telemetry", "speech", "agent", "hooks"]
const core = [...contracts, "session", "backend"]
const parts = [...core, "models", "wire", "tools", "engines", "transport", "protocols", "providers", "store", "cluster"]

/**
 * The floors, from the ground up.
 *
 * @category models
 * @since 0.1.0
 */
export const floors: Readonly<Record<string, Floor>> = {
  ground: { on: [], packages: "effect" },
  schema: { on: ["ground"], packages: "effect" },
  audio: { on: [], packages: "pure" },
  text: { on: [], packages: "pure" },
  conversation: { on: ["ground", "schema"], packages: "pure" },
  telemetry: { on: ground, packages: "effect" },
  speech: { on: [...ground, "telemetry"], packages: "effect" },
  agent: { on: [...ground, "telemetry"], packages: "effect" },
  hooks: { on: [...ground, "telemetry"], packages: "effect" },
  session: { on: contracts, packages: "effect" },
  backend: { on: [...contracts, "session"], packages: "effect" },
  models: { on: [...ground, "telemetry"], packages: "any" },
  wire: { on: [...ground, "telemetry"], packages: "any" },
  tools: { on: [...ground, "telemetry", "agent", "wire"], packages: "any" },
  engines: { on: [...ground, "telemetry", "speech", "models", "wire"], packages: "any" },
  transport: { on: [...contracts, "session", "wire"], packages: "any" },
  store: { on: [...contracts, "session", "wire"], packages: "any" },
  protocols: { on: [...contracts, "session", "transport", "wire"], packages: "any" },
  providers: { on: [...core, "transport", "protocols", "wire"], packages: "any" },
  cluster: { on: [...core, "transport", "wire", "store"], packages: "any" },
  builtin: { on: parts, packages: "any" },
  testing: { on: parts, packages: "any" },
  server: { on: [...parts, "builtin", "testing"], packages: "any" },
  cli: { on: [...parts, "builtin", "testing", "server", "client"], packages: "any" },
  client: { on: [], packages: "none" },
  react: { on: ["client"], packages: "react" },
  console: { on: ["client"], packages: "none" },
  index: { on: core, packages: "none" }
}

// Modules of effect that only compute; the pure floors may use them at run time, and any module for its types.
const pureEffect = new Set([
  "Array",
  "Data",
  "Duration",
  "Equal",
  "Equivalence",
  "Function",
  "HashMap",
  "HashSet",
  "Option",
  "Order",
  "Predicate",
  "Record",
  "Result",
  "Schema",
  "SchemaGetter",
  "SchemaIssue",
  "SchemaTransformation",
  "Struct"
])

/**
 * Imports that single files may have although their floor forbids them, each with its reason.
 *
 * @category models
 * @since 0.1.0
 */
export const exceptions: Readonly<Record<string, ReadonlyArray<string>>> = {
  // The kernel is WebAssembly, loaded once, asynchronously, before the first frame; frames themselves see no Effect.
  "src/audio/resampling/Resampler.ts": ["effect/Effect", "../../BackendError.ts"],
  "src/audio/resampling/ResamplerFactory.ts": ["../../BackendError.ts"],
  "src/audio/resampling/SpeexResampler.ts": [
    "../../BackendError.ts",
    "@echogarden/speex-resampler-wasm",
    "@echogarden/speex-resampler-wasm/simd"
  ]
}

// In these areas a folder is one provider or engine, and they do not know each other.
const neighbours = new Set(["engines", "providers"])

// What several engines share stands in these folders. What several providers share stands directly in providers/.
const shared = new Set(["engines/hosted", "engines/local", "providers/clients"])
const isInNoFolder = (file: string): boolean => /^src\/engines\/[^/]+$/.test(file)

/**
 * The area a file of `src` belongs to; `undefined` outside of `src`.
 *
 * @category getters
 * @since 0.1.0
 */
export const areaOf = (file: string): string | undefined => {
  const [src, first, second] = file.split("/")
  if (src !== "src" || first === undefined) return undefined
  if (second === undefined) return first === "index.ts" ? "index" : "ground"
  if (first === "client" && second === "react") return "react"
  return first === "server" && second === "console" ? "console" : first
}

/**
 * The source with comments and the text of template literals blanked, line by line as before.
 *
 * Strings stay, because specifiers are strings. A regular expression that holds a quote or `//` may be read as the start
 * of a string or comment; that ends at the line's end, so at most an import on that very line is missed.
 *
 * @category parsing
 * @since 0.1.0
 */
export const blankComments = (source: string): string => {
  const pattern = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`/g
  return source.replace(
    pattern,
    (found) => found.startsWith("\"") || found.startsWith("'") ? found : found.replace(/[^\n]/g, " ")
  )
}

/**
 * Every import and re-export of a source, in order.
 *
 * @category parsing
 * @since 0.1.0
 */
export const importsOf = (source: string): ReadonlyArray<Import> => {
  const text = blankComments(source)
  const found: Array<Import & { readonly at: number }> = []
  const add = (at: number, specifier: string, typeOnly: boolean, dynamic: boolean) =>
    found.push({ at, specifier, typeOnly, dynamic, line: text.slice(0, at).split("\n").length })

  for (const match of text.matchAll(/^[ \t]*(?:import|export)\b([^"'();=]*?)\bfrom\s*["']([^"'\n]+)["']/gm)) {
    add(match.index + match[0].search(/\S/), match[2] ?? "", /^\s+type\b(?!\s*from\b)/.test(match[1] ?? ""), false)
  }
  for (const match of text.matchAll(/^[ \t]*import\s*["']([^"'\n]+)["']/gm)) {
    add(match.index + match[0].search(/\S/), match[1] ?? "", false, false)
  }
  for (const match of text.matchAll(/(\btypeof\s+)?\bimport\s*\(\s*["']([^"'\n]+)["']/g)) {
    add(match.index, match[2] ?? "", match[1] !== undefined, true)
  }
  return found.sort((a, b) => a.at - b.at)
}

/**
 * The path from the repository's root of what `file` imports by a relative specifier.
 *
 * @category getters
 * @since 0.1.0
 */
export const resolve = (file: string, specifier: string): string => {
  const parts = file.split("/").slice(0, -1)
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== ".") parts.push(part)
  }
  return parts.join("/")
}

const packageOf = (specifier: string): string =>
  specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/")

const checkRelative = (file: string, area: string, specifier: string): string | undefined => {
  const target = resolve(file, specifier)
  const targetArea = areaOf(target)
  if (targetArea === undefined) return `imports ${specifier}, which is outside of src`
  if (targetArea === "index") return `imports ${specifier}: the index is for users, not for src`
  if (targetArea !== area) {
    return (floors[area]?.on ?? []).includes(targetArea)
      ? undefined
      : `${area} must not import ${targetArea} (${specifier}): imports point one way`
  }
  if (!neighbours.has(area)) return undefined
  const own = file.split("/")[2]
  const other = target.split("/")[2]
  const isShared = shared.has(`${area}/${other}`) || area === "providers" && target.split("/").length === 3
  return own === other || isShared
    ? undefined
    : `${area}/${own} must not import ${area}/${other}: they do not know each other`
}

const checkPackage = (
  area: string,
  found: Import,
  declared: ReadonlySet<string>
): string | undefined => {
  const { packages } = floors[area] ?? { packages: "none" }
  const { specifier, typeOnly } = found
  const name = packageOf(specifier)
  if (name === "effect-voice") return `imports its own package by name (${specifier}): use a relative path`
  if (specifier.startsWith("node:")) {
    return packages === "none" || packages === "pure" || packages === "react"
      ? `${area} must not import ${specifier}: it runs anywhere`
      : undefined
  }
  if (specifier === "effect") return "imports the barrel of effect: import the module, \"effect/Effect\""
  if (packages === "none") {
    // a type is nothing that a browser loads
    return typeOnly && declared.has(name) ? undefined : `${area} must not import a package (${specifier})`
  }
  if (packages === "react") {
    return name === "react" ? undefined : `${area} must not import a package other than react (${specifier})`
  }
  if (name === "effect") {
    const module = specifier.slice("effect/".length)
    return packages === "pure" && !typeOnly && !pureEffect.has(module)
      ? `${area} is pure: ${specifier} is not among the modules that only compute (a type-only import is fine)`
      : undefined
  }
  if (packages !== "any") return `${area} must not import a vendor's package (${specifier}), only effect`
  return typeOnly || declared.has(name) ? undefined : `imports ${name}, which package.json does not declare for users`
}

/**
 * What is wrong with the imports of one file of `src`.
 *
 * `declared` are the packages that package.json brings to a user: dependencies, optional and peer ones.
 *
 * @category checking
 * @since 0.1.0
 */
export const check = (file: string, source: string, declared: ReadonlySet<string>): ReadonlyArray<Finding> => {
  const area = areaOf(file)
  if (area === undefined) return []
  if (floors[area] === undefined) {
    return [{ file, line: 1, message: `src/${area} has no floor: add it to scripts/check/ImportFloors.ts` }]
  }
  const findings: Array<Finding> = []
  if (isInNoFolder(file)) {
    const message = "belongs to no engine: what engines share stands in src/engines/hosted/ or src/engines/local/"
    findings.push({ file, line: 1, message })
  }
  const excepted = exceptions[file] ?? []
  for (const found of importsOf(source)) {
    if (excepted.some((allowed) => found.specifier === allowed || found.specifier.startsWith(`${allowed}/`))) continue
    const message = found.specifier.startsWith(".")
      ? checkRelative(file, area, found.specifier)
      : checkPackage(area, found, declared)
    if (message !== undefined) findings.push({ file, line: found.line, message })
  }
  return findings
}
