// SPDX-License-Identifier: CC0-1.0
"use strict";

const data = require("./data.json");

const newest = Math.max(...Object.keys(data.abis).map(Number));

/** The row of what to ask for on a kernel that reports this ABI version. */
function masks(abi) {
  return abi < 1 ? null : data.abis[Math.min(abi, newest)];
}

/** What kernels that report this ABI version do about a feature. */
function onAbi(feature, abi) {
  if (!Object.hasOwn(data.features, feature)) {
    throw new RangeError(`no feature ${JSON.stringify(feature)}`);
  }
  return abi < 1 ? null : data.features[feature].by_abi[Math.min(abi, newest)];
}

module.exports = { data, masks, onAbi };
