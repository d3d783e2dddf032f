/**
 * Gives a page's components their call.
 *
 * @since 0.1.0
 */
import { createContext, type ReactElement, type ReactNode, useContext, useEffect, useRef, useState } from "react"
import { CallStore } from "../call/CallStore.ts"
import type { CallStoreOptions } from "../call/CallStoreOptions.ts"

const StoreContext = createContext<CallStore | undefined>(undefined)

/**
 * @category models
 * @since 0.1.0
 */
export interface VoiceCallProviderProps {
  /** A store that the page has made itself, and whose call it ends itself; then there are no `options`. */
  readonly store?: CallStore | undefined
  /** Of the provider's own store; read when it is rendered for the first time. */
  readonly options?: CallStoreOptions | undefined
  readonly children?: ReactNode
}

/**
 * One call, for the components below it. A call of the provider's own store ends when the provider leaves the page.
 *
 * @category components
 * @since 0.1.0
 */
export const VoiceCallProvider = ({ children, options, store }: VoiceCallProviderProps): ReactElement => {
  const [own] = useState(() => new CallStore(options))
  const leaving = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => {
    clearTimeout(leaving.current)
    return () => {
      // In strict mode and with fast refresh the page is back at once, and the call goes on.
      leaving.current = setTimeout(own.hangUp)
    }
  }, [own])
  return <StoreContext.Provider value={store ?? own}>{children}</StoreContext.Provider>
}

/**
 * The store of the call. Throws outside of a `VoiceCallProvider`.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useCallStore = (): CallStore => {
  const store = useContext(StoreContext)
  if (store === undefined) throw new Error("There is no call here: put the component into a <VoiceCallProvider>.")
  return store
}
