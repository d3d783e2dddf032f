/**
 * The sample rate of telephony.
 *
 * @since 0.1.0
 */

/**
 * In Hz.
 *
 * @category constants
 * @since 0.1.0
 */
export const RATE = 8_000

/**
 * The samples of a packet: 20 ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const PACKET = 160
