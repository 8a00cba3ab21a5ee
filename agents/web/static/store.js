"use strict";
// The page's record in the browser's IndexedDB, for the next visit; the photo, which is large, stands alone.

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function table(mode) {
  const opening = indexedDB.open(`paint-gym ${location.pathname}`, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("page");
  return (await settled(opening)).transaction("page", mode).objectStore("page");
}

async function readRecord() {
  const store = await table("readonly");
  const [photo, record] = await Promise.all([settled(store.get("photo")), settled(store.get("record"))]);
  return record && { ...record, photo };
}

let written = null; // the photo that is in the store
async function writeRecord({ photo, ...record }) {
  const store = await table("readwrite");
  store.put(record, "record");
  if (photo !== written) await settled(store.put(photo, "photo"));
  written = photo;
}
