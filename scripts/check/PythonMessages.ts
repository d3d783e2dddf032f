/**
 * The Python of the wire protocol for `scripts/clients/python`: a dataclass for each event and message of the AsyncAPI document, what a
 * parser needs to know of them, close codes and limits.
 *
 * Pure: takes the document that the server answers `/asyncapi.json` with, gives the module.
 *
 * @since 0.1.0
 */
import type { Document } from "../../src/server/protocol/AsyncApi.ts"
import { isJsonSchema, type JsonSchema } from "../../src/server/protocol/ProtocolMessages.ts"
import type { Constant } from "./ClientTypes.ts"

const WIDTH = 110
const REFERENCE = "#/components/schemas/"

const unsupported = (schema: unknown): Error => new Error(`no Python for ${JSON.stringify(schema)}`)

const objectAt = (node: unknown, ...path: ReadonlyArray<string>): JsonSchema => {
  const found = path.reduce<unknown>((each, key) => isJsonSchema(each) ? each[key] : undefined, node)
  if (!isJsonSchema(found)) throw new Error(`the document has no object at ${path.join(".")}`)
  return found
}

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

/** `agent.handed_over` and `EchoSchema` as the name of a class. */
const pascal = (name: string): string =>
  name.split(/[._]/u).map((part) => `${part.slice(0, 1).toUpperCase()}${part.slice(1)}`).join("")

/** Names that Python keeps for itself, of which fields have some. */
const keywords: ReadonlySet<string> = new Set(["from", "class", "import", "global", "is", "in", "not", "pass", "async"])

const attribute = (name: string): string => keywords.has(name) ? `${name}_` : name

/** Lines of a docstring; `indent` is that of the lines. */
const docstring = (indent: string, text: string): string => {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\"\"\"", "\\\"\\\"\\\"")
  const lines: Array<string> = []
  let line = `${indent}"""`
  for (const word of escaped.split(" ")) {
    const gap = line.endsWith("\"\"\"") || line === indent ? "" : " "
    if (line.trim() !== "" && line.length + gap.length + word.length > WIDTH - 3) {
      lines.push(line)
      line = `${indent}${word}`
    } else line += `${gap}${word}`
  }
  lines.push(lines.length === 0 ? `${line}"""` : `${line}\n${indent}"""`)
  return `${lines.join("\n")}\n`
}

const referenceOf = (schema: JsonSchema): string | undefined => {
  const [only] = Array.isArray(schema["allOf"]) ? schema["allOf"] : []
  const reference = schema["$ref"] ?? (isJsonSchema(only) ? only["$ref"] : undefined)
  return typeof reference === "string" ? reference.slice(REFERENCE.length) : undefined
}

/** A literal of Python. */
const literal = (value: unknown): string => {
  if (value === true) return "True"
  if (value === false) return "False"
  if (typeof value === "number") {
    return value.toLocaleString("en-US", { maximumFractionDigits: 20 }).replaceAll(",", "_")
  }
  if (isJsonSchema(value)) {
    return `{${Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${literal(each)}`).join(", ")}}`
  }
  return JSON.stringify(value)
}

const scalars: { readonly [type: string]: string } = {
  string: "str",
  boolean: "bool",
  number: "float",
  integer: "int",
  object: "Mapping[str, Any]"
}

interface Field {
  readonly name: string
  readonly schema: JsonSchema
  readonly required: boolean
  /** The annotation of the attribute. */
  readonly type: string
  /** What the parser checks: a name of JSON Schema, a class, or a list of one of them. */
  readonly shape: string
}

/** Writes the classes of a document; those of nested objects come before the class that has them. */
class Writer {
  readonly parts: Array<string> = []
  readonly #schemas: JsonSchema

  constructor(schemas: JsonSchema) {
    this.#schemas = schemas
  }

  /** The annotation and the shape of a value; `owner` names the class of an object without a name. */
  #kindOf(schema: JsonSchema, owner: string): { readonly type: string; readonly shape: string } {
    const name = referenceOf(schema)
    if (name !== undefined) {
      const referred = objectAt(this.#schemas, name)
      return referred["type"] === "object"
        ? { type: name, shape: name }
        : { type: name, shape: this.#kindOf(referred, owner).shape }
    }
    const kind = textOf(schema["type"])
    if (kind === "array" && isJsonSchema(schema["items"])) {
      const { shape, type } = this.#kindOf(schema["items"], owner)
      return { type: `tuple[${type}, ...]`, shape: `[${shape}]` }
    }
    if (kind === "object" && isJsonSchema(schema["properties"])) {
      this.write(owner, "Value", textOf(schema["description"]), schema, [])
      return { type: owner, shape: owner }
    }
    const type = scalars[kind]
    if (type === undefined) throw unsupported(schema)
    return { type, shape: JSON.stringify(kind) }
  }

  #fields(owner: string, payload: JsonSchema, leaveOut: ReadonlyArray<string>): ReadonlyArray<Field> {
    const required = Array.isArray(payload["required"]) ? payload["required"] : []
    return Object.entries(isJsonSchema(payload["properties"]) ? payload["properties"] : {}).flatMap(
      ([name, schema]): ReadonlyArray<Field> => {
        if (leaveOut.includes(name) || !isJsonSchema(schema)) return []
        return [{ name, schema, required: required.includes(name), ...this.#kindOf(schema, `${owner}${pascal(name)}`) }]
      }
    )
  }

  write(
    name: string,
    base: string,
    description: string,
    payload: JsonSchema,
    leaveOut: ReadonlyArray<string>,
    type?: string
  ): void {
    const fields = this.#fields(name, payload, leaveOut).toSorted((a, b) => Number(b.required) - Number(a.required))
    const lines = fields.map(({ name, required, schema, type }) =>
      `    ${attribute(name)}: ${type}${required ? "" : " | None = None"}\n${
        typeof schema["description"] === "string" ? docstring("    ", schema["description"]) : ""
      }`
    )
    const shapes = fields.map(({ name, required, shape }) =>
      `        Field(${JSON.stringify(name)}, ${JSON.stringify(attribute(name))}, ${shape}, ${literal(required)}),\n`
    )
    this.parts.push(
      `@dataclass(frozen=True, kw_only=True)\nclass ${name}(${base}):\n${
        description === "" ? "" : `${docstring("    ", description)}\n`
      }${type === undefined ? "" : `    type: ClassVar[str] = ${JSON.stringify(type)}\n`}${
        shapes.length === 0
          ? `    FIELDS: ClassVar[tuple[Field, ...]] = ${base === "Event" ? "Event.FIELDS" : "()"}\n`
          : `    FIELDS: ClassVar[tuple[Field, ...]] = (\n${base === "Event" ? "        *Event.FIELDS,\n" : ""}${
            shapes.join("")
          }    )\n`
      }${lines.length === 0 ? "" : `\n${lines.join("\n")}`}`
    )
  }
}

const header = `"""The wire protocol: events, messages, close codes and limits.

Made by \`npm run fix\` from the document that the server answers \`/asyncapi.json\` with. Change the schemas of
\`src/session/SessionEvent.ts\` and \`src/session/ClientMessage.ts\`, not this file.

Of sets of values a newer server may know more: they are open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Mapping, NamedTuple, TypeAlias

from ._shapes import Event, Field, Message, Value


class CloseCode(NamedTuple):
    """What a close code of the server means."""

    reason: str
    """The reason in the close frame, where the server gives one."""

    client: Literal["stop", "reconnect"]
    """\`stop\`: the session cannot or must not be reached again. \`reconnect\`: it can be resumed."""

    meaning: str
    """A sentence for people."""
`

const union = (names: ReadonlyArray<string>): string => `(\n    ${names.join("\n    | ")}\n)`

const table = (name: string, kind: string, entries: ReadonlyArray<readonly [type: string, name: string]>): string =>
  `${name}: Final[Mapping[str, type[${kind}]]] = {\n${
    entries.map(([type, each]) => `    ${JSON.stringify(type)}: ${each},\n`).join("")
  }}\n`

/** The names of the messages that an operation has, without those of audio. */
const namesOf = (document: Document, operation: string): ReadonlyArray<string> => {
  const { messages } = objectAt(document, "operations", operation)
  return (Array.isArray(messages) ? messages : []).map((each) => textOf(objectAt(each)["$ref"]).split("/").at(-1) ?? "")
    .filter((name) => objectAt(document, "components", "messages", name)["contentType"] === "application/json")
}

/**
 * The source of `scripts/clients/python/effect_voice/messages.py`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (document: Document, constants: ReadonlyArray<Constant>): string => {
  const schemas = objectAt(document, "components", "schemas")
  const writer = new Writer(schemas)
  for (const [name, schema] of Object.entries(schemas)) {
    if (!isJsonSchema(schema)) throw unsupported(schema)
    const description = textOf(schema["description"])
    if (schema["type"] === "object") writer.write(name, "Value", description, schema, [])
    else if (Array.isArray(schema["enum"])) {
      const values = schema["enum"].map((each) => `        ${JSON.stringify(each)},\n`).join("")
      writer.parts.push(
        `${name}: TypeAlias = (\n    Literal[\n${values}    ]\n    | str\n)\n${docstring("", description)}`
      )
    } else throw unsupported(schema)
  }
  const written = (operation: string, base: "Event" | "Message", leaveOut: ReadonlyArray<string>) =>
    namesOf(document, operation).map((type) => {
      const { payload, summary } = objectAt(document, "components", "messages", type)
      const name = `${pascal(type)}${base}`
      writer.write(name, base, textOf(summary), objectAt(payload), leaveOut, type)
      return [type, name] as const
    })
  const events = written("sendToClient", "Event", ["type", "seq", "at_ms"])
  const messages = written("receiveFromClient", "Message", ["type"])
  const codes = objectAt(document, "channels", "session")["x-close-codes"]
  const parts = [
    header,
    ...writer.parts,
    `ServerEvent: TypeAlias = ${union(events.map(([, name]) => name))}\n${
      docstring("", "An event of the server that this client knows.")
    }`,
    `ClientMessage: TypeAlias = ${union(messages.map(([, name]) => name))}\n${
      docstring("", "A message of the client.")
    }`,
    `${table("EVENTS", "Event", events)}${docstring("", "The classes of events, by `type`.")}`,
    `${table("MESSAGES", "Message", messages)}${docstring("", "The classes of messages, by `type`.")}`,
    `CLOSE_CODES: Final[Mapping[int, CloseCode]] = {\n${
      (Array.isArray(codes) ? codes : []).map((each) => {
        const { client, code, meaning, reason } = objectAt(each)
        return `    ${Number(code)}: CloseCode(\n        ${
          [reason, client, meaning].map(literal).join(",\n        ")
        },\n    ),\n`
      }).join("")
    }}\n${
      docstring(
        "",
        "The close codes that the server sends. After `reconnect`, and after a connection that was lost without a close code, the" +
          " session can be resumed."
      )
    }`,
    constants.map(({ description, name, value }) => `${name}: Final = ${literal(value)}\n${docstring("", description)}`)
      .join("\n")
  ]
  // As is the custom: two empty lines between definitions.
  return parts.map((part) => part.trimEnd()).join("\n\n\n") + "\n"
}
