/** What the guides tell a reader to install, and the tsconfig that the README shows. */
import { readdirSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))

/** The README and every guide of `src`. */
const guides = (): ReadonlyArray<string> => [
  "README.md",
  ...readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => basename(file) === "README.md")
    .map((file) => join("src", file))
]

const read = (guide: string): string => readFileSync(join(root, guide), "utf8")

/** The packages of the lines `npm install …` in a text. */
export const packagesOf = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/npm install ([^`\n#&):]+)/gu), ([, line = ""]) => line.trim().split(/\s+/u))
    .flat()
    .filter((word) => !word.startsWith("-"))

/** The packages that an example imports, but for Node's own. */
const importsOf = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/^import .*?"([^"]+)"|^\} from "([^"]+)"/gmu), ([, one, other]) => one ?? other ?? "")
    .filter((name) => !name.startsWith("node:") && !name.startsWith("."))
    .map((name) => name.split("/").slice(0, name.startsWith("@") ? 2 : 1).join("/"))

/** Guides that show an example, and what it imports that neither they nor the README say to install. */
export const missing = (): ReadonlyArray<string> =>
  guides().flatMap((guide) => {
    const text = read(guide)
    const said = new Set([...packagesOf(read("README.md")), ...packagesOf(text)])
    return Array.from(text.matchAll(/<!-- (test\/examples\/\w+\.ts) -->/gu), ([, file = ""]) => file)
      .flatMap((file) => importsOf(read(file)).filter((name) => !said.has(name)).map((name) => `${guide}: ${name}`))
  })

/** Engines that the examples do without: together 250 MB. */
const heavy = new Set(["onnxruntime-node", "@livekit/rtc-node"])

/** All that the README and the guides that show an example say to install, but for what is heavy. */
export const all = (): ReadonlyArray<string> => {
  const showing = guides().filter((guide) => guide === "README.md" || read(guide).includes("<!-- test/examples/"))
  return Array.from(new Set(showing.flatMap((guide) => packagesOf(read(guide))))).filter((name) => !heavy.has(name))
}

/** The README's tsconfig.json. */
export const tsconfig = (): { readonly compilerOptions: { readonly [name: string]: unknown } } =>
  JSON.parse(/```json\n(\{[^`]*"compilerOptions"[^`]*)```/u.exec(read("README.md"))?.[1] ?? "{}")
