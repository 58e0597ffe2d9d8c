/** The addresses of one peer, and which of them is in use. As etcd's urlPicker. Pure. */
import { assert } from "@flotilla/base";
import { type PeerAddress, peerUrlOf } from "./address.ts";

/** Stays with an address that works; goes on to the next, in a circle, when one does not. */
export class AddressPicker {
  readonly #addresses: readonly PeerAddress[];
  #present = 0;

  constructor(addresses: readonly PeerAddress[]) {
    assert(addresses.length > 0, "a peer has an address");
    this.#addresses = addresses;
  }

  get present(): PeerAddress {
    return this.#addresses[this.#present] as PeerAddress;
  }

  /** Nobody has answered there. Several connections may find that out: the first one moves on. */
  failed(address: PeerAddress): void {
    if (address === this.present) this.#present = (this.#present + 1) % this.#addresses.length;
  }

  /** True when these are the same ones, in the same order. */
  isOf(addresses: readonly PeerAddress[]): boolean {
    const urls = (list: readonly PeerAddress[]): string => list.map(peerUrlOf).join(" ");
    return urls(this.#addresses) === urls(addresses);
  }
}
