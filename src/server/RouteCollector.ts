/**
 * Collects the routes that layers add, before they are mounted on the router of an application.
 *
 * A layer such as `HttpApiBuilder.layer` adds its routes straight to an `HttpRouter`. Collected first, all of them can be
 * guarded, and each path can be given an answer for the methods that it lacks.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpMethod from "effect/http/HttpMethod"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Problem from "../transport/Problem.ts"

/**
 * A route as a layer adds it: it needs nothing but its request, and may fail.
 *
 * @category models
 * @since 0.1.0
 */
export type Route = HttpRouter.Route<unknown, never>

/** A router that keeps what is added to it in a list. */
const recorder = (parent: HttpRouter.HttpRouter, added: Array<Route>, prefix = ""): HttpRouter.HttpRouter => {
  const addAll: HttpRouter.HttpRouter["addAll"] = (routes) =>
    Effect.sync(() => {
      // The layers below provide what their handlers need; `collect` takes it off their types.
      for (const route of routes as ReadonlyArray<unknown> as ReadonlyArray<Route>) {
        added.push(prefix === "" ? route : HttpRouter.prefixRoute(route, prefix))
      }
    })
  return HttpRouter.HttpRouter.of({
    ...parent,
    addAll,
    add: (method, path, handler, options) => addAll([HttpRouter.route(method, path, handler, options)]),
    prefixed: (inner) => recorder(parent, added, HttpRouter.prefixPath(inner, prefix))
  })
}

/**
 * Builds layers in the scope around, and gives the routes that they add, in order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const collect = Effect.fnUntraced(function*<E, R>(
  layer: Layer.Layer<never, E, R>
): Effect.fn.Return<
  ReadonlyArray<Route>,
  E,
  Exclude<HttpRouter.Request.Without<R>, HttpRouter.HttpRouter> | HttpRouter.HttpRouter | Scope.Scope
> {
  const routes: Array<Route> = []
  const parent = yield* HttpRouter.HttpRouter
  yield* Layer.build(
    Layer.provide(
      layer as Layer.Layer<never, E, HttpRouter.Request.Without<R>>,
      Layer.succeed(HttpRouter.HttpRouter, recorder(parent, routes))
    )
  )
  return routes
})

/**
 * The methods of each path, sorted, with the `HEAD` that comes with `GET`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const methodsByPath = (
  routes: ReadonlyArray<Pick<Route, "method" | "path">>
): ReadonlyMap<HttpRouter.PathInput, ReadonlyArray<string>> => {
  const methods = new Map<HttpRouter.PathInput, Set<string>>()
  for (const { method, path } of routes) {
    const known = methods.get(path) ?? new Set()
    methods.set(path, known.add(method))
    if (method === "GET") known.add("HEAD")
  }
  return new Map(Array.from(methods, ([path, known]) => [path, Array.from(known).sort()]))
}

/**
 * The problem of a method that a path lacks: 405 with `Allow`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const methodNotAllowed = (methods: ReadonlyArray<string>) =>
  Problem.toResponse(Problem.make("method_not_allowed", `expected ${methods.join(", ")}`), {
    allow: methods.join(", ")
  })

/**
 * Routes that answer 405 on every path for the standard methods that it lacks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const missingMethods = (
  routes: ReadonlyArray<Pick<Route, "method" | "path">>
): ReadonlyArray<HttpRouter.Route<never, never>> =>
  Array.from(methodsByPath(routes)).flatMap(([path, methods]) =>
    Array.from(HttpMethod.all)
      .filter((method) => !methods.includes(method))
      .map((method) => HttpRouter.route(method, path, methodNotAllowed(methods)))
  )
