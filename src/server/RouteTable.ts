/**
 * Which methods a path knows: what tells 405 from 404.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface RouteTable {
  readonly has: (path: string) => boolean
  /** The methods of a path, sorted; empty when it is unknown. */
  readonly methods: (path: string) => ReadonlyArray<string>
}

const patternOf = (path: string): RegExp =>
  new RegExp(
    `^${
      path.split("/").map((part) =>
        part === "*" ? ".*" : part.startsWith(":") ? "[^/]+" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
      ).join("/")
    }/?$`
  )

/**
 * Makes a table of routes; `:name` stands for one part of a path, `*` for the rest.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (routes: ReadonlyArray<{ readonly method: string; readonly path: string }>): RouteTable => {
  const patterns = routes.map((route) => ({ method: route.method, pattern: patternOf(route.path) }))
  const methods = (path: string) => {
    const found = new Set(patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))
    if (found.has("GET")) found.add("HEAD")
    return Array.from(found).sort()
  }
  return { has: (path) => methods(path).length > 0, methods }
}
