/**
 * Writes the XML documents with which carriers are told what to do with a call.
 *
 * @since 0.1.0
 */

/**
 * A piece of XML: an element as it is written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Element {
  readonly xml: string
}

const entities: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&apos;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;"
}

// XML 1.0, 2.2: no document can have these, not even as an entity
// eslint-disable-next-line no-control-regex
const IMPOSSIBLE =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu

const escaped = (text: string): string =>
  text.replace(IMPOSSIBLE, "").replace(/[&<>"'\t\n\r]/gu, (character) => entities[character] ?? "")

/**
 * An element; attributes without a value are left out. A text is escaped.
 *
 * @category constructors
 * @since 0.1.0
 */
export const element = (
  name: string,
  attributes: { readonly [name: string]: string | undefined },
  content: string | ReadonlyArray<Element> = []
): Element => {
  const written = Object.entries(attributes)
    .flatMap(([key, value]) => value === undefined ? [] : [` ${key}="${escaped(value)}"`])
    .join("")
  const inner = typeof content === "string" ? escaped(content) : content.map(({ xml }) => xml).join("")
  return { xml: inner === "" ? `<${name}${written}/>` : `<${name}${written}>${inner}</${name}>` }
}

/**
 * The document: `<Response>` with these elements.
 *
 * @category constructors
 * @since 0.1.0
 */
export const response = (...elements: ReadonlyArray<Element>): string =>
  `<?xml version="1.0" encoding="UTF-8"?>${element("Response", {}, elements).xml}`
