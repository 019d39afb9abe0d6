//! Live sessions, reached from the registry alone: what was really sent, what is broken on the way, and what is asked for.

mod book_audits;
mod book_one_go;
mod book_oracle;
mod book_sessions;
mod books;
mod books_damaged;
mod damaged;
mod fuzz;
mod lines;
mod listener;
mod messages;
mod messages_bitfinex;
mod messages_bitmex;
mod messages_bybit;
mod messages_krakenfutures;
mod messages_okx;
mod oracle;
mod recorded;
mod same_row;
mod written;
