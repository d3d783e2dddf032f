/**
 * Circles of imports between the files of `src`: Tarjan's strongly connected components, then one closed path of each.
 *
 * Pure: takes paths and texts, gives circles. Type-only imports count, because two files that need each other's types can
 * only be read together. Dynamic imports count for the same reason: `import("./b.ts")` delays loading, not knowledge.
 *
 * @since 0.1.0
 */
import { importsOf, resolve } from "./ImportFloors.ts"

/**
 * Which file imports which: path from the repository's root to the paths that it imports.
 *
 * @category models
 * @since 0.1.0
 */
export type Graph = ReadonlyMap<string, ReadonlyArray<string>>

/**
 * Reads the imports between the given files; imports of anything else (packages, files that are not given) are left out.
 *
 * @category constructors
 * @since 0.1.0
 */
export const graphOf = (sources: ReadonlyMap<string, string>): Graph =>
  new Map(
    Array.from(sources, ([file, source]) => [
      file,
      importsOf(source)
        .filter(({ specifier }) => specifier.startsWith("."))
        .map(({ specifier }) => resolve(file, specifier))
        .filter((target) => sources.has(target))
    ])
  )

/** The strongly connected components of more than one file, and the files that import themselves. */
const components = (graph: Graph): ReadonlyArray<ReadonlySet<string>> => {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: Array<string> = []
  const onStack = new Set<string>()
  const found: Array<ReadonlySet<string>> = []
  const visit = (file: string): void => {
    const own = index.size
    index.set(file, own)
    low.set(file, own)
    stack.push(file)
    onStack.add(file)
    for (const target of graph.get(file) ?? []) {
      if (!index.has(target)) visit(target)
      else if (!onStack.has(target)) continue
      low.set(file, Math.min(low.get(file) ?? own, low.get(target) ?? own))
    }
    if (low.get(file) !== own) return
    const component = new Set(stack.splice(stack.lastIndexOf(file)))
    for (const member of component) onStack.delete(member)
    if (component.size > 1 || (graph.get(file) ?? []).includes(file)) found.push(component)
  }
  for (const file of graph.keys()) if (!index.has(file)) visit(file)
  return found
}

/** The shortest path from the component's first file (by name) back to it, found breadth first. */
const circleIn = (graph: Graph, component: ReadonlySet<string>): ReadonlyArray<string> => {
  const start = [...component].sort()[0] ?? ""
  let paths: ReadonlyArray<ReadonlyArray<string>> = [[start]]
  const seen = new Set<string>()
  while (paths.length > 0) {
    const next: Array<ReadonlyArray<string>> = []
    for (const path of paths) {
      for (const target of graph.get(path.at(-1) ?? "") ?? []) {
        if (target === start) return [...path, start]
        if (!component.has(target) || seen.has(target)) continue
        seen.add(target)
        next.push([...path, target])
      }
    }
    paths = next
  }
  return [start]
}

/**
 * Every circle, as the closed path `[a, b, a]` from the file whose name comes first; files that are tied together by
 * several circles are reported once, by their shortest.
 *
 * @category checking
 * @since 0.1.0
 */
export const circles = (graph: Graph): ReadonlyArray<ReadonlyArray<string>> =>
  components(graph)
    .map((component) => circleIn(graph, component))
    .sort((a, b) => (a[0] ?? "") < (b[0] ?? "") ? -1 : 1)
