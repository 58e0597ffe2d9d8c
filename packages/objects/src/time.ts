/**
 * RFC 3339 in UTC, and ages as kubectl prints them, without a clock: time is an argument.
 *
 * Civil dates by counting days in eras of 400 years (Howard Hinnant, "chrono-compatible low-level
 * date algorithms"). Durations: apimachinery pkg/util/duration. Pure.
 */
import type { Time } from "./types.ts";

const msPerDay = 86_400_000;
const pattern =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** "2026-11-22T02:45:03Z": whole seconds, rounded down. `ms` since 1970, years 0 to 9999. */
export function formatTime(ms: number): Time {
  return `${dateAndTime(ms)}Z`;
}

/** "2026-11-22T02:45:03.123000Z": the six digits that leases and new events carry. */
export function formatMicroTime(ms: number): string {
  // A double holds a millisecond of our days to a quarter of a microsecond: round, and never up to 1 s.
  const micros = Math.min(Math.round((ms - Math.floor(ms / 1000) * 1000) * 1000), 999_999);
  return `${dateAndTime(ms)}.${pad(micros, 6)}Z`;
}

/** Milliseconds since 1970, fractions kept; undefined when `text` is not RFC 3339. */
export function parseTime(text: string | null | undefined): number | undefined {
  const parts = text === null || text === undefined ? null : pattern.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const fraction = parts[7] === undefined ? 0 : Number(`0.${parts[7]}`) * 1000;
  const offset =
    (Number(parts[9] ?? 0) * 60 + Number(parts[10] ?? 0)) * (parts[8] === "-" ? -1 : 1);
  const seconds = hour * 3600 + (minute - offset) * 60 + second;
  return daysFromCivil(year, month, day) * msPerDay + seconds * 1000 + fraction;
}

/** Two units at most, the second only while it matters: "5s", "2m30s", "5h", "3d4h", "2y10d". */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / 1000);
  if (seconds < -1) return "<invalid>"; // The clocks differ by more than a rounding.
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return two(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return two(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 192) return two(days, "d", hours % 24, "h");
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return days < 2920 ? two(years, "y", days % 365, "d") : `${years}y`;
}

/** Age of a time stamp, or "<unknown>" without one. */
export function ageOf(time: Time | null | undefined, nowMs: number): string {
  const at = parseTime(time);
  return at === undefined ? "<unknown>" : humanDuration(nowMs - at);
}

function two(first: number, unit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first}${unit}` : `${first}${unit}${second}${secondUnit}`;
}

function dateAndTime(ms: number): string {
  const days = Math.floor(ms / msPerDay);
  const second = Math.floor((ms - days * msPerDay) / 1000);
  const [year, month, day] = civilFromDays(days);
  const clock = [Math.floor(second / 3600), Math.floor(second / 60) % 60, second % 60];
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${clock.map((part) => pad(part, 2)).join(":")}`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days since 1970-01-01. Years start in March, so that the leap day is the last of its year. */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146_097 + yearOfEra * 365 + leapDays + dayOfYear - 719_468;
}

function civilFromDays(days: number): readonly [year: number, month: number, day: number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leapDays =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = ((monthFromMarch + 2) % 12) + 1;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}
