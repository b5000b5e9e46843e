//! The rows of `list`: a fitted table while it is short, padded rows as they come when it is long.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table};

use super::facts::ls_mode;
use super::style::{Style, escape};
use crate::model::{Address, FileKind, ListedSocket, SocketField};

/// Beyond this many rows a fitted table costs more than it gives (a quarter of a second at 20,000 rows).
const FITTED: usize = 500;

/// Writes the rows for people.
pub(super) fn render(
    rows: &[ListedSocket],
    fields: &[SocketField],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    if rows.len() > FITTED {
        return padded(rows, fields, style, out);
    }
    let fields = &fitting(rows, fields, style.width);
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(fields.iter().map(|field| title(*field)));
    for row in rows {
        table.add_row(fields.iter().map(|field| cell(row, *field, Some(style))));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
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

fn fitting(rows: &[ListedSocket], fields: &[SocketField], width: Option<usize>) -> Vec<SocketField> {
    let mut fields = fields.to_vec();
    let Some(width) = width else { return fields };
    let mut widths: Vec<(SocketField, usize)> = fields
        .iter()
        .map(|field| {
            let widest = rows.iter().map(|row| cell(row, *field, None).chars().count()).max();
            let widest = widest.unwrap_or(0).max(title(*field).len());
            // A few long names wrap by themselves; they need not cost everybody the other columns.
            (*field, if *field == SocketField::Name { widest.min(NAME_WIDTH) } else { widest } + 2)
        })
        .collect();
    for dispensable in DISPENSABLE {
        if widths.iter().map(|(_, width)| width).sum::<usize>() > width + 2 {
            widths.retain(|(field, _)| *field != dispensable);
            fields.retain(|field| *field != dispensable);
        }
    }
    fields
}

/// Writes the rows for scripts.
pub(super) fn render_plain(
    rows: &[ListedSocket],
    fields: &[SocketField],
    out: &mut dyn Write,
) -> io::Result<()> {
    for row in rows {
        for (number, field) in fields.iter().enumerate() {
            let tab = if number == 0 { "" } else { "\t" };
            write!(out, "{tab}{}", cell(row, *field, None))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn padded(
    rows: &[ListedSocket],
    fields: &[SocketField],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let last = fields.len().saturating_sub(1);
    for (number, field) in fields.iter().enumerate() {
        let width = if number == last { 0 } else { width(*field) };
        write!(out, "{:<width$}", title(*field))?;
    }
    writeln!(out)?;
    for row in rows {
        for (number, field) in fields.iter().enumerate() {
            let text = cell(row, *field, None);
            if number == last {
                write!(out, "{text}")?;
            } else if *field == SocketField::Verdict && style.color {
                let padding = width(*field).saturating_sub(text.chars().count());
                write!(out, "{}{:padding$}", cell(row, *field, Some(style)), "")?;
            } else {
                write!(out, "{text:<width$} ", width = width(*field).saturating_sub(1))?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

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

fn cell(row: &ListedSocket, field: SocketField, style: Option<&Style>) -> String {
    let unknown = || "-".to_owned();
    let socket = row.socket.as_ref();
    match field {
        SocketField::Verdict => {
            let word = row.codes.first().copied().unwrap_or_else(|| row.verdict.word());
            style.map_or_else(|| word.to_owned(), |style| style.mark(row.verdict, word))
        }
        SocketField::State => socket.map_or_else(unknown, |socket| socket.state.word().to_owned()),
        SocketField::Type => socket.map_or_else(unknown, |socket| socket.kind.word().to_owned()),
        SocketField::Queue => socket
            .and_then(crate::model::Socket::queue)
            .map_or_else(unknown, |queue| format!("{}/{}", queue.waiting, queue.backlog)),
        SocketField::File => row.file.as_ref().map_or_else(unknown, |file| file.state.word().to_owned()),
        SocketField::Mode => {
            let mode = row.file.as_ref().and_then(|file| file.mode);
            mode.map_or_else(unknown, |mode| ls_mode(FileKind::of_mode(mode), mode))
        }
        SocketField::Owner => {
            let owner = row.file.as_ref().and_then(|file| file.owner.as_ref());
            owner.map_or_else(unknown, |owner| {
                let (user, group) = owner.as_ref();
                escape(format!("{}:{}", user.label(), group.label()).as_bytes())
            })
        }
        SocketField::Holders => row.holders.as_ref().map_or_else(unknown, |holders| holders_cell(holders)),
        SocketField::Unit => {
            let unit = row.holders.iter().flatten().find_map(|holder| holder.process.unit.as_ref());
            unit.map_or_else(unknown, |unit| escape(unit.as_bytes()))
        }
        SocketField::Netns => socket.map_or_else(unknown, |socket| {
            row.netns_label
                .as_ref()
                .map_or_else(|| socket.netns.0.to_string(), |label| escape(label.as_bytes()))
        }),
        SocketField::Inode => socket.map_or_else(unknown, |socket| socket.ino.0.to_string()),
        SocketField::Peer => {
            socket.and_then(|socket| socket.peer).map_or_else(unknown, |peer| peer.0.to_string())
        }
        SocketField::Uid => socket.and_then(|socket| socket.uid).map_or_else(unknown, |uid| uid.to_string()),
        SocketField::Memory => socket.and_then(|socket| socket.memory).map_or_else(unknown, |memory| {
            let (receive, send) = (memory.receive_alloc, memory.send_alloc);
            format!("r{receive}/{} w{send}/{} d{}", memory.receive_limit, memory.send_limit, memory.drops)
        }),
        SocketField::Name => name(row),
    }
}

fn name(row: &ListedSocket) -> String {
    match row.socket.as_ref().map(|socket| &socket.address) {
        Some(Address::Unnamed) => "-".into(),
        Some(Address::Abstract(name)) => format!("@{}", escape(name)),
        // A path that begins with @ is relative; written so that it cannot be taken for an abstract name.
        _ if row.name().starts_with(b"@") => format!("./{}", escape(row.name())),
        _ => escape(row.name()),
    }
}

fn holders_cell(holders: &[crate::model::Holder]) -> String {
    match holders {
        [] => "-".into(),
        [first, rest @ ..] => {
            let more = if rest.is_empty() { String::new() } else { format!(" +{}", rest.len()) };
            format!("{}({}){more}", escape(&first.process.command), first.process.pid)
        }
    }
}
