/**
 * Environment variables in a config: those that a string of the file refers to (`${NAME}`), and those that set a field by
 * their name (`EFFECT_VOICE_SESSION__RESUME_WINDOW`).
 *
 * @since 0.1.0
 */
import * as EncodedShape from "../../schema/EncodedShape.ts"
import * as Faults from "../../schema/Faults.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import { nearest } from "../../schema/NearestName.ts"
import { BackendConfig } from "./BackendConfig.ts"
import * as ConfigSize from "./ConfigSize.ts"
import type { ShapeAt } from "./OptionShapes.ts"

/**
 * The prefix of the environment variables of a config.
 *
 * @category constants
 * @since 0.1.0
 */
export const ENV_PREFIX = "EFFECT_VOICE_"

/**
 * Environment variables by name.
 *
 * @category models
 * @since 0.1.0
 */
export type Env = { readonly [name: string]: string | undefined }

/**
 * The text of a variable, without the white space and line breaks that files of secrets and of variables leave around it;
 * undefined when nothing remains.
 */
const textOf = (env: Env, name: string): string | undefined => {
  const text = env[name]?.trim()
  return text === "" ? undefined : text
}

/**
 * Replaces the references in a text: `value` gives that of a variable, `undefined` to leave the reference as it is. The cost
 * is that of the text and of what comes of it; from `limit` characters on, nothing more is replaced.
 */
const expand = (
  text: string,
  limit: number,
  value: (name: string, otherwise: string | undefined) => string | undefined
): string => {
  const head = /([A-Za-z_][A-Za-z0-9_]*)(:-|\})/y
  let out = ""
  let at = 0
  let isOpen = false
  for (let start = text.indexOf("${"); start !== -1 && out.length <= limit; start = text.indexOf("${", at)) {
    if (start > at && text[start - 1] === "$") {
      out += `${text.slice(at, start - 1)}\${`
      at = start + 2
      continue
    }
    head.lastIndex = start + 2
    const [, name, mark] = head.exec(text) ?? []
    // Without a closing bracket behind one reference there is none behind those after it.
    const end = name === undefined
      ? -1
      : mark === "}"
      ? head.lastIndex - 1
      : isOpen
      ? -1
      : text.indexOf("}", head.lastIndex)
    if (name !== undefined && end === -1) isOpen = true
    if (name === undefined || end === -1) {
      out += text.slice(at, start + 2)
      at = start + 2
      continue
    }
    const found = value(name, mark === "}" ? undefined : text.slice(head.lastIndex, end))
    out += text.slice(at, start) + (found ?? text.slice(start, end + 1))
    at = end + 1
  }
  return out + text.slice(at)
}

/**
 * Replaces the references in all strings, once: a value that looks like a reference or like YAML stays text. A string that
 * is nothing but references is then read as the type that the schema has there. Every variable that is not set is a fault
 * at its path, and so is a string whose variables make too much text (`ConfigSize.MAX_CHARACTERS`, all together).
 *
 * @category conversions
 * @since 0.1.0
 */
export const interpolate = (
  raw: JsonRecord,
  env: Env,
  shapeAt: ShapeAt
): { readonly value: JsonRecord; readonly faults: ReadonlyArray<Faults.Fault> } => {
  const faults: Array<Faults.Fault> = []
  let left = ConfigSize.MAX_CHARACTERS
  const visit = (value: unknown, path: ReadonlyArray<string>): unknown => {
    if (path.length > ConfigSize.MAX_DEPTH) {
      faults.push({
        path: Faults.pathOf(path.slice(0, 4)),
        message: `nested deeper than ${ConfigSize.MAX_DEPTH} levels`
      })
      return undefined
    }
    if (typeof value === "string" && value.includes("${")) {
      const text = expand(value, Math.max(0, left), (name, otherwise) => {
        const found = textOf(env, name)
        if (found === undefined && otherwise === undefined) {
          faults.push({ path: Faults.pathOf(path), message: `the environment variable ${name} is not set` })
        }
        return found ?? otherwise
      })
      if (left >= 0 && (left -= text.length) < 0) {
        faults.push({
          path: Faults.pathOf(path),
          message: `the variables make more than ${ConfigSize.MAX_CHARACTERS.toLocaleString("en-US")} characters`
        })
      }
      if (left < 0) return undefined
      return EncodedShape.coerce(shapeAt(path), text)
    }
    if (Array.isArray(value)) return value.map((item, i) => visit(item, [...path, String(i)]))
    if (isRecord(value)) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item, [...path, key])]))
    }
    return value
  }
  return {
    value: Object.fromEntries(Object.entries(raw).map(([key, item]) => [key, visit(item, [key])])),
    faults
  }
}

const assign = (raw: JsonRecord, path: ReadonlyArray<string>, value: unknown): JsonRecord => {
  const [key, ...rest] = path
  if (key === undefined) return raw
  const inner = raw[key]
  return { ...raw, [key]: rest.length === 0 ? value : assign(isRecord(inner) ? inner : {}, rest, value) }
}

/** `EFFECT_VOICE_SESSION__RESUME_WINDOW` → `["session", "resume_window"]`. */
const pathOf = (name: string): ReadonlyArray<string> | undefined => {
  const path = name.slice(ENV_PREFIX.length).toLowerCase().split("__")
  return path.length <= ConfigSize.MAX_DEPTH && path.every((part) => /^[a-z0-9]+(?:_[a-z0-9]+)*$/.test(part))
    ? path
    : undefined
}

/**
 * A field that a variable sets.
 *
 * @category models
 * @since 0.1.0
 */
export interface Variable {
  readonly path: ReadonlyArray<string>
  readonly text: string
}

/**
 * The variables with the prefix: those that set a field, and the names of those whose first part is no key of a config. An
 * empty variable counts as unset.
 *
 * @category accessors
 * @since 0.1.0
 */
export const read = (
  env: Env,
  sectionName: string
): { readonly variables: ReadonlyArray<Variable>; readonly ignored: ReadonlyArray<string> } => {
  const keys = new Set([sectionName, ...EncodedShape.keys(BackendConfig)])
  const variables: Array<Variable> = []
  const ignored: Array<string> = []
  for (const name of Object.keys(env).filter((name) => name.startsWith(ENV_PREFIX)).sort()) {
    const text = textOf(env, name)
    const path = pathOf(name)
    if (text === undefined) continue
    if (path === undefined || !keys.has(path[0] ?? "")) ignored.push(name)
    else variables.push({ path, text })
  }
  return { variables, ignored }
}

/**
 * The variable that a misspelt one may have been meant to be; `undefined` when none is close.
 *
 * @category accessors
 * @since 0.1.0
 */
export const nearestVariable = (name: string, sectionName: string): string | undefined => {
  const [key = "", ...rest] = name.slice(ENV_PREFIX.length).split("__")
  const close = nearest(key.toLowerCase(), [sectionName, ...EncodedShape.keys(BackendConfig)])
  return close === undefined ? undefined : ENV_PREFIX + [close.toUpperCase(), ...rest].join("__")
}

/**
 * Sets fields of a raw config; `read` says what a field's text becomes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const assignAll = (
  raw: JsonRecord,
  variables: ReadonlyArray<Variable>,
  read: (variable: Variable) => unknown
): JsonRecord => variables.reduce((all, variable) => assign(all, variable.path, read(variable)), raw)
