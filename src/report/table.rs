//! The rows of `list`: a fitted table while it is short, padded rows as they come when it is long.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table};

use super::facts::ls_mode;
use super::style::{Style, escape_into};
use crate::model::{Address, FileKind, ListedSocket, Listing, Socket, SocketField};

/// Beyond this many rows a fitted table costs more than it gives (a quarter of a second at 20,000 rows).
const FITTED: usize = 500;

/// Writes the rows for people.
pub(super) fn render(
    listing: &Listing,
    fields: &[SocketField],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if listing.rows.is_empty() {
        return Ok(());
    }
    if listing.rows.len() > FITTED {
        return padded(listing, fields, style, out);
    }
    let fields = &fitting(listing, fields, style.width);
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(fields.iter().map(|field| title(*field)));
    for row in listing.iter() {
        table.add_row(fields.iter().map(|field| cell(&row, *field, Some(style))));
    }
    for (column, field) in table.column_iter_mut().zip(fields) {
        column.set_padding((0, 2));
        // A name that is too long goes on below itself.
        if style.width.is_some() && *field != SocketField::Name {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    if let Some(width) = style.width.and_then(|width| u16::try_from(width + 2).ok()) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Columns that stand back in a narrow terminal, first to go first; `--fields` and other formats have them all.
const DISPENSABLE: [SocketField; 5] =
    [SocketField::Owner, SocketField::Type, SocketField::Mode, SocketField::File, SocketField::Holders];

/// What a name may take of a narrow terminal before it counts as long.
const NAME_WIDTH: usize = 34;

fn fitting(listing: &Listing, fields: &[SocketField], width: Option<usize>) -> Vec<SocketField> {
    let Some(width) = width else { return fields.to_vec() };
    let widest = |field: SocketField| {
        let widest = listing.iter().map(|row| cell(&row, field, None).chars().count()).max();
        let widest = widest.unwrap_or(0).max(title(field).len());
        // A few long names wrap by themselves; they need not cost everybody the other columns.
        if field == SocketField::Name { widest.min(NAME_WIDTH) + 2 } else { widest + 2 }
    };
    within(fields, width, widest)
}

/// Those of the columns that stand beside each other in so wide a terminal.
fn within(fields: &[SocketField], width: usize, each: impl Fn(SocketField) -> usize) -> Vec<SocketField> {
    let mut widths: Vec<(SocketField, usize)> = fields.iter().map(|field| (*field, each(*field))).collect();
    for dispensable in DISPENSABLE {
        if widths.iter().map(|(_, width)| width).sum::<usize>() > width + 2 {
            widths.retain(|(field, _)| *field != dispensable);
        }
    }
    widths.into_iter().map(|(field, _)| field).collect()
}

/// Writes the rows for scripts.
pub(super) fn render_plain(listing: &Listing, fields: &[SocketField], out: &mut dyn Write) -> io::Result<()> {
    let mut line = String::new();
    for row in listing.iter() {
        line.clear();
        for (number, field) in fields.iter().enumerate() {
            if number > 0 {
                line.push('\t');
            }
            put(&row, *field, None, &mut line);
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// One buffer, no table: at 20,000 rows the formatting would cost more than the looking.
fn padded(listing: &Listing, fields: &[SocketField], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let each = |field| if field == SocketField::Name { NAME_WIDTH } else { width(field) };
    let fields = style.width.map_or_else(|| fields.to_vec(), |width| within(fields, width, each));
    let Some((last, others)) = fields.split_last() else { return Ok(()) };
    let mut line = String::new();
    for field in others {
        write!(out, "{:<width$}", title(*field), width = width(*field))?;
    }
    writeln!(out, "{}", title(*last))?;
    for row in listing.iter() {
        line.clear();
        for field in others {
            let start = line.len();
            put(&row, *field, None, &mut line);
            let shown = &line[start..];
            let shown = if shown.is_ascii() { shown.len() } else { shown.chars().count() };
            if style.color && *field == SocketField::Verdict {
                line.truncate(start);
                put(&row, *field, Some(style), &mut line);
            }
            line.push_str(&BLANKS[..width(*field).saturating_sub(shown).max(1)]);
        }
        put(&row, *last, None, &mut line);
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// As many as the widest column has.
const BLANKS: &str = "                        ";

fn title(field: SocketField) -> String {
    field.word().to_uppercase()
}

const fn width(field: SocketField) -> usize {
    match field {
        SocketField::Verdict | SocketField::Mode | SocketField::File | SocketField::State => 12,
        SocketField::Type
        | SocketField::Queue
        | SocketField::Inode
        | SocketField::Peer
        | SocketField::Netns => 11,
        SocketField::Uid => 7,
        SocketField::Owner => 18,
        SocketField::Holders | SocketField::Unit | SocketField::Memory => 24,
        SocketField::Name => 0,
    }
}

/// One cell; what strangers chose is escaped.
pub(super) fn cell(row: &ListedSocket, field: SocketField, style: Option<&Style>) -> String {
    let mut text = String::new();
    put(row, field, style, &mut text);
    text
}

fn put(row: &ListedSocket, field: SocketField, style: Option<&Style>, out: &mut String) {
    let before = out.len();
    // Writing to a string cannot fail.
    let _ = try_put(row, field, style, out);
    if out.len() == before {
        out.push('-');
    }
}

/// Puts nothing where nothing is known.
fn try_put(row: &ListedSocket, field: SocketField, style: Option<&Style>, out: &mut String) -> fmt::Result {
    let (socket, file) = (row.socket, row.row.file);
    let mut holders = row.row.holders.as_deref().unwrap_or_default().iter();
    match field {
        SocketField::Verdict => {
            let word = row.row.codes.first().copied().unwrap_or_else(|| row.row.verdict.word());
            match style {
                Some(style) => out.push_str(&style.mark(row.row.verdict, word)),
                None => out.push_str(word),
            }
        }
        SocketField::State => out.push_str(socket.map_or("", |socket| socket.state.word())),
        SocketField::Type => out.push_str(socket.map_or("", |socket| socket.kind.word())),
        SocketField::File => out.push_str(file.map_or("", |file| file.state.word())),
        SocketField::Queue => {
            if let Some(queue) = socket.and_then(Socket::queue) {
                write!(out, "{}/{}", queue.waiting, queue.backlog)?;
            }
        }
        SocketField::Mode => {
            if let Some(mode) = file.and_then(|file| file.mode()) {
                out.push_str(&ls_mode(FileKind::of_mode(mode), mode));
            }
        }
        SocketField::Owner => {
            if let Some((owner, group)) = row.owner {
                escape_into(owner.label().as_bytes(), out);
                out.push(':');
                escape_into(group.label().as_bytes(), out);
            }
        }
        SocketField::Holders => {
            if let Some(first) = holders.next() {
                escape_into(&first.process.command, out);
                write!(out, "({})", first.process.pid)?;
                let more = holders.count();
                if more > 0 {
                    write!(out, " +{more}")?;
                }
            }
        }
        SocketField::Unit => {
            if let Some(unit) = holders.find_map(|holder| holder.process.unit.as_ref()) {
                escape_into(unit.as_bytes(), out);
            }
        }
        SocketField::Netns => match (row.netns_label, socket) {
            (Some(label), _) => escape_into(label.as_bytes(), out),
            (None, Some(socket)) => write!(out, "{}", socket.netns.0)?,
            (None, None) => {}
        },
        SocketField::Inode => put_number(socket.map(|socket| socket.ino.0), out)?,
        SocketField::Peer => put_number(socket.and_then(|socket| socket.peer).map(|peer| peer.0), out)?,
        SocketField::Uid => put_number(socket.and_then(|socket| socket.uid), out)?,
        SocketField::Memory => {
            if let Some(memory) = socket.and_then(|socket| socket.memory.as_deref()) {
                let (receive, send) = (memory.receive_alloc, memory.send_alloc);
                let (most_received, most_sent) = (memory.receive_limit, memory.send_limit);
                write!(out, "r{receive}/{most_received} w{send}/{most_sent} d{}", memory.drops)?;
            }
        }
        SocketField::Name => put_name(row, out),
    }
    Ok(())
}

fn put_number(number: Option<u32>, out: &mut String) -> fmt::Result {
    number.map_or(Ok(()), |number| write!(out, "{number}"))
}

fn put_name(row: &ListedSocket, out: &mut String) {
    match row.socket.map(|socket| &socket.address) {
        Some(Address::Abstract(_)) => out.push('@'),
        // A path that begins with @ is relative; written so that it cannot be taken for an abstract name.
        _ if row.name().starts_with(b"@") => out.push_str("./"),
        _ => {}
    }
    escape_into(row.name(), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [SocketField; 8] = [
        SocketField::Verdict,
        SocketField::State,
        SocketField::Type,
        SocketField::Mode,
        SocketField::Owner,
        SocketField::File,
        SocketField::Holders,
        SocketField::Name,
    ];

    #[test]
    fn columns_stand_back_one_after_the_other_and_a_name_never() {
        let left = |width| within(&ALL, width, |_| 10).len();
        assert_eq!([80, 78, 77, 68, 67, 30].map(left), [8, 8, 7, 7, 6, 3]);
        assert_eq!(
            within(&ALL, 1, |_| 10),
            [SocketField::Verdict, SocketField::State, SocketField::Name],
            "what it is about stays"
        );
        assert!(!within(&ALL, 77, |_| 10).contains(&SocketField::Owner), "it is the first to go");
    }

    #[test]
    fn no_column_is_wider_than_the_blanks_that_fill_it() {
        assert!(ALL.into_iter().chain([SocketField::Memory]).all(|field| width(field) <= BLANKS.len()));
    }
}
