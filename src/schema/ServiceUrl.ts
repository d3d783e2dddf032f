/**
 * The URLs of services that several processes share. They are secrets: a fault does not quote them.
 *
 * @since 0.1.0
 */

const kinds = {
  postgres: { protocols: /^postgres(?:ql)?:$/u, expected: "expected postgres://user:password@host:port/database" },
  redis: {
    protocols: /^rediss?:$/u,
    expected: "expected redis://host:port or rediss://host:port, and /n for a database n"
  }
} as const

/**
 * What is wrong with the URL of a service; `undefined` when its form is right. Nothing is reached.
 *
 * @category checks
 * @since 0.1.0
 */
export const faultOf = (kind: keyof typeof kinds, url: string): string | undefined => {
  const { expected, protocols } = kinds[kind]
  if (!URL.canParse(url)) return expected
  const { pathname, protocol } = new URL(url)
  const isPath = kind !== "redis" || /^(?:\/\d{0,9})?$/u.test(pathname)
  return protocols.test(protocol) && isPath ? undefined : expected
}
