/** A disk whose writes are timed: what operators of etcd look at first when a cluster is slow. */
import { exponentialBounds, type Gauge, type Histogram, type Metrics } from "@flotilla/base";
import type { Disk, DiskFile, Done } from "@flotilla/wal";

/**
 * The same disk, with its writes counted. One write here is durable when it is done, so it is at once
 * what etcd counts as a write and as the fsync after it.
 */
export function measuredDisk(disk: Disk, metrics: Metrics): Disk {
  const meters = metersOf(metrics);
  return {
    ...disk,
    open: (path, done) =>
      disk.open(path, (error, file) =>
        done(error, error === undefined ? new MeasuredFile(file, meters) : file),
      ),
  };
}

interface Meters {
  readonly fsyncSeconds: Histogram;
  readonly writeSeconds: Histogram;
  readonly writtenBytes: Gauge;
}

function metersOf(metrics: Metrics): Meters {
  const bounds = exponentialBounds(0.001, 2, 14);
  return {
    fsyncSeconds: metrics.histogram(
      "etcd_disk_wal_fsync_duration_seconds",
      "The latency distributions of fsync called by WAL.",
      bounds,
    ),
    writeSeconds: metrics.histogram(
      "etcd_disk_wal_write_duration_seconds",
      "The latency distributions of write called by WAL.",
      bounds,
    ),
    writtenBytes: metrics.gauge(
      "etcd_disk_wal_write_bytes_total",
      "Total number of bytes written in WAL.",
    ),
  };
}

class MeasuredFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #meters: Meters;

  constructor(file: DiskFile, meters: Meters) {
    this.#file = file;
    this.#meters = meters;
  }

  write(bytes: Uint8Array, offset: number, done: Done): void {
    const { fsyncSeconds, writeSeconds, writtenBytes } = this.#meters;
    const beganMs = performance.now();
    this.#file.write(bytes, offset, (error) => {
      const seconds = (performance.now() - beganMs) / 1000;
      fsyncSeconds.observe(seconds);
      writeSeconds.observe(seconds);
      writtenBytes.add(bytes.length);
      done(error);
    });
  }

  truncate(size: number, done: Done): void {
    this.#file.truncate(size, done);
  }

  close(done: Done): void {
    this.#file.close(done);
  }
}
