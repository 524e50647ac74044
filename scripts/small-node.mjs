// Node without the languages that no program of ours speaks: a third smaller once packed.
//
// Node carries ICU's data for some 900 locales, 30 MB, as one archive inside its executable: a table of names and
// offsets, then the items. What is cleared below is only read when somebody asks for such a locale, an old character set,
// or where words end in Thai or Japanese.
const FORMAT = Buffer.from('CmnD');
/** Of the table's header: the format stands here. */
const FORMAT_OFFSET = 12;
const LOCALE = /^(?!en$)[a-z]{2,3}(_\w+)?\.res$/;
const UNUSED = /\.(cnv|dict)$/;

/**
 * Fills what node does not need with zeros, in place; the executable keeps its size.
 *
 * @param {Buffer} executable node's
 * @returns {number} bytes cleared
 */
export function clearLocales(executable) {
  const format = executable.indexOf(FORMAT);
  if (format < 0 || executable.indexOf(FORMAT, format + 1) >= 0) throw new Error("ICU's data was not found in node");
  const start = format - FORMAT_OFFSET;
  const table = start + executable.readUInt16LE(start);
  const count = executable.readUInt32LE(table);
  const entry = (i) => [executable.readUInt32LE(table + 4 + 8 * i), executable.readUInt32LE(table + 8 + 8 * i)];
  let cleared = 0;
  for (let i = 0; i + 1 < count; i++) {
    const [name, offset] = entry(i);
    const [, end] = entry(i + 1);
    const path = executable.toString('latin1', table + name, executable.indexOf(0, table + name));
    const file = path.slice(path.lastIndexOf('/') + 1);
    if (!LOCALE.test(file) && !UNUSED.test(file)) continue;
    executable.fill(0, table + offset, table + end);
    cleared += end - offset;
  }
  return cleared;
}
