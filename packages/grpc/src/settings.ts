/** Payloads of SETTINGS, GOAWAY and the frames that are one number (RFC 9113 section 6). */
import { utf8 } from "@flotilla/base";
import { framePayloadBytesMax, settingId, windowBytesMax } from "./frame.ts";
import { Http2Error, http2Code, protocolError } from "./http2-error.ts";

const settingBytes = 6;
/** SETTINGS_MAX_FRAME_SIZE may not exceed this. */
const frameSizeSettingMax = 2 ** 24 - 1;

/** The settings of a frame in order, unknown ones included. Throws on values that are not allowed. */
export function readSettings(payload: Buffer): (readonly [id: number, value: number])[] {
  if (payload.length % settingBytes !== 0) {
    throw new Http2Error(http2Code.frameSizeError, "SETTINGS of a wrong size");
  }
  const settings: (readonly [number, number])[] = [];
  for (let at = 0; at < payload.length; at += settingBytes) {
    const id = payload.readUInt16BE(at);
    const value = payload.readUInt32BE(at + 2);
    checkSetting(id, value);
    settings.push([id, value]);
  }
  return settings;
}

function checkSetting(id: number, value: number): void {
  if (id === settingId.enablePush && value > 1) throw protocolError("bad ENABLE_PUSH");
  if (id === settingId.initialWindowSize && value > windowBytesMax) {
    throw new Http2Error(http2Code.flowControlError, "bad INITIAL_WINDOW_SIZE");
  }
  if (
    id === settingId.maxFrameSize &&
    (value < framePayloadBytesMax || value > frameSizeSettingMax)
  ) {
    throw protocolError("bad MAX_FRAME_SIZE");
  }
}

/** The payload of a SETTINGS frame. */
export function encodeSettings(settings: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * settingBytes);
  settings.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * settingBytes);
    payload.writeUInt32BE(value, index * settingBytes + 2);
  });
  return payload;
}

/** The payload of a GOAWAY frame. */
export function encodeGoaway(lastStreamId: number, code: number, reason: string): Buffer {
  return Buffer.concat([encodeUint32(lastStreamId), encodeUint32(code), utf8(reason)]);
}

/** Four bytes, big-endian: the payload of WINDOW_UPDATE and RST_STREAM. */
export function encodeUint32(value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value);
  return payload;
}
