// SPDX-License-Identifier: CC0-1.0
import type { AbiSupport, AbiVersion, Compat } from "./types";

export type * from "./types";

/** All of it, as `data.json` has it. */
export const data: Compat;

/**
 * What to ask for on a kernel that reports this ABI version: that of the newest one known where the
 * kernel is newer, null where it has no Landlock (0, or an error).
 */
export function masks(abi: number): AbiVersion | null;

/**
 * What kernels that report this ABI version do about a feature, such as `fs.truncate`: null where
 * there is no Landlock.
 *
 * @throws {RangeError} There is no such feature.
 */
export function onAbi(feature: string, abi: number): AbiSupport | null;
