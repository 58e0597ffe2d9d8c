/**
 * The peer links of a test cluster, in a thread of their own: members must hear each other also while
 * the program whose test they serve is busy or stands at a breakpoint.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** What the thread is told of one of its links, by number. */
export type LinkOrder =
  | { readonly kind: "leadTo"; readonly link: number; readonly port: number }
  | { readonly kind: "cut" | "heal"; readonly link: number };

/** One link, as its member has it; what is asked for happens a moment later. */
export interface LinkHandle {
  readonly url: string;
  /** The member listens here now; 0: nowhere. */
  leadTo(port: number): void;
  /** Lets nothing through, and breaks what there is. */
  cut(): void;
  heal(): void;
}

export class PeerLinks {
  readonly links: readonly LinkHandle[];
  readonly #worker: Worker;

  private constructor(worker: Worker, urls: readonly string[]) {
    this.#worker = worker;
    const tell = (order: LinkOrder): void => worker.postMessage(order);
    this.links = urls.map((url, link) => ({
      url,
      leadTo: (port) => tell({ kind: "leadTo", link, port }),
      cut: () => tell({ kind: "cut", link }),
      heal: () => tell({ kind: "heal", link }),
    }));
  }

  static async open(count: number): Promise<PeerLinks> {
    // A test runner's settings are not meant for it.
    const worker = new Worker(new URL("./peer-links-thread.js", import.meta.url), {
      workerData: count,
      execArgv: [],
    });
    const [urls] = await once(worker, "message");
    worker.unref(); // A cluster that is forgotten ends with its program.
    return new PeerLinks(worker, urls);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
