/** A user who waits for a server with too much to do, as `Retry-After` asks. */

/** Asks for a session again, up to half a minute, while the answer is that there is too much to do. */
export const whenThereIsRoom = async (ask: () => Promise<Response>): Promise<Response> => {
  const givesUpAt = performance.now() + 30_000
  for (;;) {
    const response = await ask()
    if (response.status !== 503 || performance.now() > givesUpAt) return response
    const { details } = await response.clone().json() as { readonly details?: { readonly reason?: string } }
    if (details?.reason !== "overloaded") return response
    const seconds = Number(response.headers.get("retry-after"))
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
  }
}
