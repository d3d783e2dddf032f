/**
 * The stores and archives of this library: what their errors say is written for clients and operators, and holds no secret. Of any
 * other the words are the application's, or those of a library below it.
 *
 * @since 0.1.0
 */

const own = new WeakSet<object>()

/**
 * Says of a service that it is one of this library. A copy of it with other operations is not.
 *
 * @category combinators
 * @since 0.1.0
 */
export const add = <S extends object>(service: S): S => {
  own.add(service)
  return service
}

/**
 * Whether a service is one of this library.
 *
 * @category predicates
 * @since 0.1.0
 */
export const has = (service: object): boolean => own.has(service)
