/** Retries for an overloaded server, as `Retry-After` asks. */

/** Requests a session again for up to half a minute while the server answers that it is overloaded. */
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
