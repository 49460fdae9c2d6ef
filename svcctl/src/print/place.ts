/** An address with a port, as people write it and as svcctl reads it back: `2.2.2.2:88`, `[fd00::2]:88`. */
export function placeText(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
