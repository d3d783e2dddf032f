/**
 * The names under which a model calls remote tools: vendors accept letters, digits, `_` and `-`, at most 64, and Gemini a letter or
 * `_` at the beginning. Pure.
 *
 * @since 0.1.0
 */
import type { RemoteTool, ToolSource } from "./RemoteTool.ts"

const MAX_NAME = 64

/** A name that every vendor accepts. */
const callable = (name: string): string => {
  const plain = name.replace(/[^a-zA-Z0-9_-]+/gu, "_")
  return (plain === "" ? "tool" : /^[0-9-]/u.test(plain) ? `_${plain}` : plain).slice(0, MAX_NAME)
}

/** The first of `name`, `name_2`, `name_3` … that is free. */
const free = (name: string, taken: ReadonlyMap<string, unknown>): string => {
  for (let number = 1;; number++) {
    const suffix = number === 1 ? "" : `_${number}`
    const candidate = `${name.slice(0, MAX_NAME - suffix.length)}${suffix}`
    if (!taken.has(candidate)) return candidate
  }
}

/**
 * Names the tools of several sources. A name that two sources share has the name of its source in front: `crm_search`,
 * `shop_search`. It keeps that as long as `shared` is kept, so that a tool has no other name while the other source is away.
 *
 * @category conversions
 * @since 0.1.0
 */
export const assign = (
  sources: ReadonlyArray<Pick<ToolSource, "name"> & { readonly tools: ReadonlyArray<RemoteTool> }>,
  shared: Set<string> = new Set()
): ReadonlyMap<string, RemoteTool> => {
  const owners = new Map<string, string>()
  for (const { name: source, tools } of sources) {
    for (const { name } of tools) {
      const key = callable(name)
      const owner = owners.get(key)
      if (owner !== undefined && owner !== source) shared.add(key)
      owners.set(key, source)
    }
  }
  const named = new Map<string, RemoteTool>()
  for (const { name: source, tools } of sources) {
    for (const tool of tools) {
      const name = callable(tool.name)
      named.set(free(shared.has(name) ? callable(`${source}_${name}`) : name, named), tool)
    }
  }
  return named
}
