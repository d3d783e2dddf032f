/**
 * The descriptions of the fields of a config, from the JSDoc of the schemas that read it.
 *
 * @since 0.1.0
 */
import type { Docs } from "../../src/cli/ConfigSchema.ts"

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** `resumeWindow` in backticks as a config spells it. */
const spelled = (text: string): string =>
  text.replace(/`([a-z]\w*(?:\.\w+)*)`/g, (_, name: string) => `\`${snake(name)}\``)

/**
 * The fields that the JSDoc of an exported schema describes: its list of ``- `field`: text``.
 *
 * @category constructors
 * @since 0.1.0
 */
export const docsOf = (source: string, name: RegExp): Docs => {
  const docs = new Map<string, string>()
  for (const [, comment = "", exported = ""] of source.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*export const (\w+)/g)) {
    if (!name.test(exported)) continue
    const lines = comment.replace(/^[ ]*\* ?/gm, "")
    for (const [, field = "", text = ""] of lines.matchAll(/^- `([\w.]+)`: ((?:.+\n)(?: {2}.+\n)*)/gm)) {
      const flat = spelled(text.replace(/\s+/g, " ").trim())
      docs.set(field.split(".").map(snake).join("."), flat.slice(0, 1).toUpperCase() + flat.slice(1))
    }
  }
  return docs
}
