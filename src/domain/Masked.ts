/** A secret as it may be shown: the last four characters tell two apart; of a short one they would tell too much. */
export const masked = (secret: string): string => `••••${secret.length < 12 ? "" : secret.slice(-4)}`
