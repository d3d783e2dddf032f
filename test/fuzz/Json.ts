import type { Chance } from "./Chance.ts"

/**
 * Mutates JSON: changed types, keys that are repeated, dangerous, long or missing, numbers outside of a double, nesting deeper
 * than the stack. The result is text that mostly still parses.
 */

/** A node that is written verbatim. */
class Raw {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

interface Member {
  key: string
  value: Node
}
class Members {
  readonly list: Array<Member>
  constructor(list: Array<Member>) {
    this.list = list
  }
}
type Node = null | boolean | number | string | Raw | Members | Array<Node>

const toNode = (value: unknown): Node => {
  if (Array.isArray(value)) return value.map(toNode)
  if (typeof value === "object" && value !== null) {
    return new Members(Object.entries(value).map(([key, inner]) => ({ key, value: toNode(inner) })))
  }
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null
}

const write = (node: Node): string => {
  if (node instanceof Raw) return node.text
  if (Array.isArray(node)) return `[${node.map(write).join(",")}]`
  if (node instanceof Members) {
    return `{${node.list.map(({ key, value }) => `${JSON.stringify(key)}:${write(value)}`).join(",")}}`
  }
  return JSON.stringify(node)
}

const keys = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "",
  "\u0000",
  "type",
  "length",
  "then",
  "a.b",
  "0"
]

const deep = (chance: Chance): Raw => {
  const levels = chance.pick([10, 33, 200, 2_000, 20_000])
  const [open, close] = chance.pick([["[", "]"], ["{\"a\":", "}"], ["[{\"__proto__\":", "}]"]] as const)
  return new Raw(open.repeat(levels) + (open.endsWith(":") ? "1" : "") + close.repeat(levels))
}

const hostile = (chance: Chance): Node => {
  switch (chance.below(16)) {
    case 0:
      return null
    case 1:
      return chance.one(2)
    case 2:
      return chance.pick([0, -1, 1.5, 2 ** 31, 2 ** 53, Number.MAX_SAFE_INTEGER + 2, 1e308, 5e-324])
    case 3:
      return new Raw(chance.pick(["1e999", "-1e999", "-0", "1E400", "0.1e-999", "1".repeat(400), "[1e999]"]))
    case 4:
      return new Raw(chance.pick(["NaN", "Infinity", "undefined", "01", "+1", "'a'", "/**/1", "1,", "\"\n\""]))
    case 5:
      return ""
    case 6:
      return "x".repeat(chance.pick([17, 257, 1_025, 8_193, 16_385, 40_000]))
    case 7:
      return new Raw(chance.pick(["\"\\ud800\"", "\"\\udfff\\ud800\"", "\"\\u0000\"", "\"\\u202e\\u2066\""]))
    case 8:
      return chance.pick(["\u0000", "\u{1f468}\u200d\u{1f469}", "e\u0301".repeat(50), "\ufeff", "ﷺ".repeat(90)])
    case 9:
      return []
    case 10:
      return new Members([])
    case 11:
      return chance.one(4) ? deep(chance) : [null]
    case 12:
      return new Members([{ key: chance.pick(keys), value: new Members([{ key: "polluted", value: true }]) }])
    case 13:
      return Array.from({ length: chance.pick([1, 33, 1_000]) }, () => 0)
    case 14:
      return new Members(Array.from({ length: chance.pick([1, 100, 2_000]) }, (_, i) => ({ key: `k${i}`, value: 0 })))
    default:
      return chance.pick(["true", "1", "null", "[object Object]", "500ms", "1h", "-1s", "Infinity", "../..", "${X}"])
  }
}

/** Every position of a node, with a function that replaces it. */
const places = (root: Node, set: (node: Node) => void, out: Array<{ node: Node; set: (node: Node) => void }> = []) => {
  out.push({ node: root, set })
  if (Array.isArray(root)) { for (const [i, item] of root.entries()) places(item, (node) => root[i] = node, out) }
  else if (root instanceof Members) {
    for (const member of root.list) places(member.value, (node) => member.value = node, out)
  }
  return out
}

const change = (root: Node, chance: Chance): Node => {
  let out = root
  const { node, set } = chance.pick(places(root, (next) => out = next))
  if (node instanceof Members && !chance.one(4)) {
    const { list } = node
    const at = chance.below(list.length)
    const member = list[at]
    switch (chance.below(6)) {
      case 0:
        list.splice(at, 1)
        break
      case 1:
        if (member !== undefined) list.push({ key: member.key, value: hostile(chance) })
        break
      case 2:
        if (member !== undefined) member.key = chance.pick(keys)
        break
      case 3:
        if (member !== undefined) {
          member.key = chance.pick([member.key.toUpperCase(), `${member.key} `, `x${member.key}`])
        }
        break
      case 4:
        if (member !== undefined) member.value = new Members([{ key: member.key, value: member.value }])
        break
      default:
        list.push({ key: chance.pick(keys), value: hostile(chance) })
    }
  } else if (Array.isArray(node) && node.length > 0 && chance.one(2)) {
    if (chance.one(2)) node.splice(chance.below(node.length), 1)
    else node.push(chance.one(2) ? node[chance.below(node.length)]! : hostile(chance))
  } else set(chance.one(8) ? [node] : hostile(chance))
  return out
}

/** Mutates a JSON document; `undefined` if the seed is not JSON. */
export const mutate = (seed: string, chance: Chance): string | undefined => {
  let value: unknown
  try {
    value = JSON.parse(seed)
  } catch {
    return undefined
  }
  let node = toNode(value)
  for (let left = 1 + chance.small(4); left > 0; left--) node = change(node, chance)
  return write(node)
}
