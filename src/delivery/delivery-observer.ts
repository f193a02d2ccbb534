/** What a delivery tells whoever counts: metrics, a progress bar. Calls must not throw. */
export interface DeliveryPlace {
  readonly organization: string;
  readonly sink: string;
}

export interface DeliveryObserver {
  /** Entries are durable at the sink; `offset` is the last of them, `head` the ledger's last sequence. */
  delivered(place: DeliveryPlace, delivered: { readonly entries: number; readonly offset: number }): void;
  parked(place: DeliveryPlace): void;
  /** The archive holds another digest. */
  digestWritten?(place: DeliveryPlace): void;
}

export const silentDeliveryObserver: DeliveryObserver = {
  delivered: () => undefined,
  parked: () => undefined,
};
