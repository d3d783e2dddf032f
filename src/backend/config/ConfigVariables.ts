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

/** Deeper than any config, and not deep enough to overflow the stack. */
const MAX_DEPTH = 32

/**
 * The text of a variable, without the white space and line breaks that files of secrets and of variables leave around it;
 * undefined when nothing remains.
 */
const textOf = (env: Env, name: string): string | undefined => {
  const text = env[name]?.trim()
  return text === "" ? undefined : text
}

const reference = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g

/**
 * Replaces the references in all strings. A string that is nothing but references is then read as the type that the schema
 * has there. Every variable that is not set is a fault at its path.
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
  const visit = (value: unknown, path: ReadonlyArray<string>): unknown => {
    if (path.length > MAX_DEPTH) {
      faults.push({ path: Faults.pathOf(path.slice(0, 4)), message: `nested deeper than ${MAX_DEPTH} levels` })
      return undefined
    }
    if (typeof value === "string" && value.includes("${")) {
      const text = value.replace(reference, (whole, name: string | undefined, otherwise: string | undefined) => {
        if (name === undefined) return "${"
        const found = textOf(env, name)
        if (found === undefined && otherwise === undefined) {
          faults.push({ path: Faults.pathOf(path), message: `the environment variable ${name} is not set` })
        }
        return found ?? otherwise ?? whole
      })
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
  return path.every((part) => /^[a-z0-9]+(?:_[a-z0-9]+)*$/.test(part)) ? path : undefined
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
