// @ts-check
// The entries as a table: a row for each key, a column for each field that any entry had since the last snapshot.
// Data gets in as text nodes and attributes only, never as markup.

import { fieldOf } from "./feed.js";
import { flash } from "./flash.js";
import { decimalsOf, directionOf, formatValue, numberOf } from "./format.js";
import { indexIn } from "./order.js";

/** @typedef {import("./feed.js").Entry} Entry */
/** @typedef {{ field: string, header: HTMLElement, numeric: boolean, decimals: number, width: number }} Column */
/** @typedef {{ element: HTMLTableCellElement, text: Text, value: unknown }} Cell */
/** @typedef {{ element: HTMLTableRowElement, cells: Map<string, Cell> }} Row */

/** An entry may have thousands of fields; a table that wide helps nobody. */
const MAX_COLUMNS = 100;
/** In characters: what a column may keep for itself. */
const MAX_WIDTH = 32;

export class Table {
  /** Whether there were more fields than columns. */
  clipped = false;

  #head;
  #body;
  /** @type {Map<string, Column>} */ #columns = new Map();
  /** @type {Map<string, Row>} */ #rows = new Map();
  /** The rows' keys, sorted. @type {string[]} */ #order = [];
  /** Columns whose cells have to be written again. @type {Set<Column>} */ #changed = new Set();

  /** @param {HTMLTableElement} table With a head of one row, whose first cell is the key's, and a body. */
  constructor(table) {
    this.#head = /** @type {HTMLTableSectionElement} */ (table.tHead).rows[0];
    this.#body = /** @type {HTMLTableSectionElement} */ (table.tBodies[0]);
  }

  /**
   * Shows these entries and nothing else.
   * @param {Map<string, Entry>} entries
   */
  rebuild(entries) {
    for (const column of this.#columns.values()) column.header.remove();
    this.#columns.clear();
    this.#rows.clear();
    this.clipped = false;
    this.#order = [...entries.keys()].toSorted();
    // Columns first, so that each cell is written once, in its final form.
    for (const entry of entries.values()) this.#discover(entry);
    this.#changed.clear();
    const rows = this.#order.map((key) => {
      const row = this.#createRow(key);
      this.#writeRow(row, /** @type {Entry} */ (entries.get(key)), false);
      return row.element;
    });
    this.#body.replaceChildren(...rows);
  }

  /**
   * Brings the rows of these keys up to date.
   * @param {Map<string, Entry>} entries
   * @param {Iterable<string>} keys
   * @param {boolean} flashing Whether changes are to be pointed out.
   */
  update(entries, keys, flashing) {
    for (const key of keys) {
      const entry = entries.get(key);
      if (entry === undefined) this.#removeRow(key);
      else {
        this.#discover(entry);
        const row = this.#rows.get(key);
        // A new row has no change to point out.
        this.#writeRow(row ?? this.#insertRow(key), entry, flashing && row !== undefined);
      }
    }
    for (const column of this.#changed) {
      for (const row of this.#rows.values()) this.#writeCell(/** @type {Cell} */ (row.cells.get(column.field)), column);
    }
    this.#changed.clear();
  }

  /** Finds new fields, and what known ones need. @param {Entry} entry */
  #discover(entry) {
    for (const field of Object.keys(entry)) {
      const column = this.#columns.get(field) ?? this.#addColumn(field);
      if (column === null) continue;
      const decimals = decimalsOf(entry[field]);
      if (decimals > column.decimals) {
        column.decimals = decimals;
        this.#changed.add(column);
      }
      if (!column.numeric && numberOf(entry[field]) !== null) {
        column.numeric = true;
        column.header.className = "number";
        this.#changed.add(column);
      }
    }
  }

  /**
   * @param {string} field
   * @returns {Column | null} Null where there is no room.
   */
  #addColumn(field) {
    if (this.#columns.size >= MAX_COLUMNS) {
      this.clipped = true;
      return null;
    }
    const header = document.createElement("th");
    header.scope = "col";
    header.textContent = field;
    this.#head?.append(header);
    const column = { field, header, numeric: false, decimals: 0, width: 0 };
    this.#columns.set(field, column);
    for (const row of this.#rows.values()) this.#addCell(row, field);
    return column;
  }

  /** @param {string} key */
  #createRow(key) {
    const element = document.createElement("tr");
    element.dataset.key = key;
    const header = document.createElement("th");
    header.scope = "row";
    header.textContent = key;
    element.append(header);
    const row = { element, cells: new Map() };
    this.#rows.set(key, row);
    for (const field of this.#columns.keys()) this.#addCell(row, field);
    return row;
  }

  /** @param {string} key */
  #insertRow(key) {
    const index = indexIn(this.#order, key);
    const next = this.#rows.get(this.#order[index] ?? "");
    this.#order.splice(index, 0, key);
    const row = this.#createRow(key);
    this.#body.insertBefore(row.element, next?.element ?? null);
    return row;
  }

  /** @param {string} key */
  #removeRow(key) {
    const row = this.#rows.get(key);
    if (row === undefined) return;
    this.#rows.delete(key);
    this.#order.splice(indexIn(this.#order, key), 1);
    row.element.remove();
  }

  /**
   * @param {Row} row
   * @param {string} field
   */
  #addCell(row, field) {
    const element = document.createElement("td");
    const text = new Text();
    element.dataset.field = field;
    element.append(text);
    row.element.append(element);
    row.cells.set(field, { element, text, value: undefined });
  }

  /**
   * @param {Row} row
   * @param {Entry} entry
   * @param {boolean} flashing
   */
  #writeRow(row, entry, flashing) {
    for (const column of this.#columns.values()) {
      const cell = /** @type {Cell} */ (row.cells.get(column.field));
      const before = cell.value;
      cell.value = fieldOf(entry, column.field);
      if (before === cell.value) continue;
      const changed = this.#writeCell(cell, column);
      if (changed && flashing) flash(cell.element, directionOf(before, cell.value));
    }
  }

  /**
   * @param {Cell} cell
   * @param {Column} column
   * @returns {boolean} Whether the text is another.
   */
  #writeCell(cell, column) {
    const text = formatValue(cell.value, column.decimals);
    const className = text.length > MAX_WIDTH ? "long" : column.numeric ? "number" : "";
    if (cell.element.className !== className) cell.element.className = className;
    if (cell.text.data === text) return false;
    cell.text.data = text;
    // Columns only ever grow: a price that loses a digit must not move the table.
    if (text.length > column.width && column.width < MAX_WIDTH) {
      column.width = Math.min(MAX_WIDTH, text.length);
      column.header.style.minWidth = `${column.width}ch`;
    }
    return true;
  }
}
