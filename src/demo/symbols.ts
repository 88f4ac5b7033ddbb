/** What is fixed about one traded symbol. */
export interface SymbolSpec {
  key: string;
  name: string;
  /** Price at the open, in dollars. All prices are invented. */
  open: number;
  /** Smallest price step, in dollars. */
  tick: number;
  /** Standard deviation of a day's return: 0.02 is 2%. */
  volatility: number;
  /** How often it changes, as a weight relative to the other symbols. */
  activity: number;
  /** Usual distance from bid to ask, in ticks. */
  spread: number;
}

function symbol(
  key: string,
  name: string,
  open: number,
  volatility: number,
  activity: number,
  spread: number,
): SymbolSpec {
  // US exchanges quote in cents from a dollar up, and in hundredths of a cent below.
  return { key, name, open, tick: open < 1 ? 0.0001 : 0.01, volatility, activity, spread };
}

/** A cross-section of US listings: heavy and thin, calm and wild, dear and cheap. */
export const SYMBOLS: readonly SymbolSpec[] = [
  symbol("AAPL", "Apple", 228.4, 0.016, 9, 1),
  symbol("ABBV", "AbbVie", 176.2, 0.014, 1.5, 3),
  symbol("ADBE", "Adobe", 512.8, 0.021, 1.5, 12),
  symbol("AMD", "Advanced Micro Devices", 141.3, 0.032, 7, 1),
  symbol("AMZN", "Amazon.com", 202.6, 0.019, 7, 1),
  symbol("AVGO", "Broadcom", 168.9, 0.028, 4, 2),
  symbol("BA", "Boeing", 146.1, 0.025, 2, 4),
  symbol("BAC", "Bank of America", 45.8, 0.016, 3, 1),
  symbol("BRK.B", "Berkshire Hathaway B", 468.5, 0.01, 1.2, 10),
  symbol("CAT", "Caterpillar", 386.7, 0.017, 1, 12),
  symbol("COIN", "Coinbase Global", 305.2, 0.05, 4, 12),
  symbol("COST", "Costco Wholesale", 924.3, 0.013, 1, 32),
  symbol("CRM", "Salesforce", 331.6, 0.02, 1.5, 8),
  symbol("DIS", "Walt Disney", 113.4, 0.016, 1.5, 2),
  symbol("F", "Ford Motor", 11.1, 0.021, 2, 1),
  symbol("GE", "GE Aerospace", 178.9, 0.018, 1, 5),
  symbol("GOOGL", "Alphabet A", 175.9, 0.018, 5, 1),
  symbol("GS", "Goldman Sachs", 586.4, 0.016, 0.8, 22),
  symbol("HD", "Home Depot", 402.1, 0.013, 0.8, 12),
  symbol("INTC", "Intel", 24.3, 0.033, 4, 1),
  symbol("IWM", "Russell 2000 ETF", 231.7, 0.013, 4, 1),
  symbol("JNJ", "Johnson & Johnson", 154.6, 0.009, 1, 2),
  symbol("JPM", "JPMorgan Chase", 243.2, 0.014, 2, 3),
  symbol("KO", "Coca-Cola", 62.9, 0.008, 1, 1),
  symbol("MCD", "McDonald's", 291.8, 0.01, 0.7, 8),
  symbol("META", "Meta Platforms", 559.7, 0.022, 4, 9),
  symbol("MSFT", "Microsoft", 415.5, 0.014, 5, 3),
  symbol("MSTR", "MicroStrategy", 421.9, 0.062, 5, 24),
  symbol("NFLX", "Netflix", 871.3, 0.021, 1.5, 38),
  symbol("NKE", "Nike", 73.8, 0.018, 1.2, 1),
  symbol("NVDA", "NVIDIA", 146.7, 0.029, 10, 1),
  symbol("NVR", "NVR", 8940, 0.015, 0.15, 1800),
  symbol("PFE", "Pfizer", 25.4, 0.014, 1.5, 1),
  symbol("PLTR", "Palantir Technologies", 62.1, 0.045, 5, 1),
  symbol("QQQ", "Nasdaq-100 ETF", 503.2, 0.012, 6, 1),
  symbol("SNDX", "Sundance Exploration", 0.412, 0.07, 0.6, 9),
  symbol("SPY", "S&P 500 ETF", 590.1, 0.009, 8, 1),
  symbol("TSLA", "Tesla", 341.8, 0.038, 9, 4),
  symbol("UNH", "UnitedHealth", 601.4, 0.014, 0.8, 26),
  symbol("WMT", "Walmart", 87.1, 0.011, 1.2, 1),
  symbol("XOM", "Exxon Mobil", 120.6, 0.014, 1.8, 1),
];
