/** What a network namespace holds, for people who want to see it (`svcctl net inspect`). */
export interface NetStack {
  /** Whose it is: `host-1`, `container web on host-1`. */
  readonly of: string;
  readonly sections: readonly NetSection[];
}

export interface NetSection {
  /** `links`, `addresses`, `routes`, `rules of routing`, `neighbours`, `nftables`, `iptables …`, `sysctls` */
  readonly title: string;
  readonly lines: readonly NetLine[];
  /** Why there are none, where that could not be found out. */
  readonly fault?: string;
}

export interface NetLine {
  readonly text: string;
  /** Causeway made it, or set it. */
  readonly ours: boolean;
}
