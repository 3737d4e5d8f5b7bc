//! Large archives go up in parts, several at a time; they become an object when all parts are there.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::client::{Call, Client, Sent};
use super::error::S3Error;
use super::xml::{self, Begun};
use crate::release::ArchiveFile;

const MIB: u64 = 1024 * 1024;
/// The size of a part. What is no larger goes up in one piece.
pub(super) const PART: u64 = 16 * MIB;
/// No object has more parts.
const MOST_PARTS: u64 = 10_000;
/// How many parts are under way at a time, each in memory.
const AT_ONCE: usize = 4;

/// An upload in parts.
pub(super) struct Multipart<'a> {
    pub client: &'a Client,
    pub action: &'a str,
    pub key: &'a str,
    pub archive: &'a ArchiveFile,
    pub size: u64,
    pub sent: &'a Sent<'a>,
}

impl Multipart<'_> {
    /// Sends the archive. When that fails nothing of it stays.
    pub fn send(&self, headers: Vec<(&str, String)>) -> Result<(), S3Error> {
        let begin = Call { query: vec![("uploads", String::new())], headers, ..self.call("POST") };
        let begun: Begun = self.client.read(self.action, self.client.send(&begin)?)?;
        let sent = self.send_parts(&begun.upload_id).and_then(|tags| self.finish(&begun.upload_id, &tags));
        if sent.is_err() {
            let query = vec![("uploadId", begun.upload_id)];
            // Parts that stay cost money, but are never listed; the first error is the one to tell.
            drop(self.client.send(&Call { query, ..self.call("DELETE") }));
        }
        sent
    }

    fn call(&self, method: &'static str) -> Call<'_> {
        Call::new(self.action, method, self.key)
    }

    /// The tags of all parts, in order.
    fn send_parts(&self, id: &str) -> Result<Vec<String>, S3Error> {
        let part = part_size(self.size);
        let count = usize::try_from(self.size.div_ceil(part)).unwrap_or(usize::MAX);
        let tags = Mutex::new(vec![String::new(); count]);
        let next = AtomicUsize::new(0);
        let work = || loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok(());
            }
            match self.send_part(id, index, part) {
                Ok(tag) => tags.lock().unwrap_or_else(PoisonError::into_inner)[index] = tag,
                Err(error) => {
                    // The others stop after the part that they are at.
                    next.store(count, Ordering::Relaxed);
                    return Err(error);
                }
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE.min(count)).map(|_| scope.spawn(work)).collect();
            let done = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            done.collect::<Vec<_>>().into_iter().collect::<Result<(), S3Error>>()
        })?;
        Ok(tags.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn send_part(&self, id: &str, index: usize, part: u64) -> Result<String, S3Error> {
        let offset = index as u64 * part;
        let length = part.min(self.size - offset);
        let body = self.archive.part(offset, usize::try_from(length).unwrap_or(usize::MAX))?;
        let query = vec![("partNumber", (index + 1).to_string()), ("uploadId", id.to_owned())];
        let call = Call { query, body: &body, sent: Some(self.sent), ..self.call("PUT") };
        let reply = self.client.send(&call)?;
        let tag = reply.header("etag").map(str::to_owned);
        tag.ok_or_else(|| self.client.unreadable(self.action, "a part has no ETag"))
    }

    /// Makes the parts an object.
    fn finish(&self, id: &str, tags: &[String]) -> Result<(), S3Error> {
        let body = xml::parts(tags);
        let query = vec![("uploadId", id.to_owned())];
        let call = Call { query, body: body.as_bytes(), ..self.call("POST") };
        match self.client.send(&call) {
            // Its status is sent before the work is done, so what went wrong stands in the body.
            Ok(mut reply) => {
                let text = reply.body.read_to_string();
                let text = text.map_err(|error| self.client.unreadable(self.action, error))?;
                match quick_xml::de::from_str::<xml::Refusal>(&text) {
                    Ok(refusal) if !refusal.code.is_empty() => Err(self
                        .client
                        .unreadable(self.action, format!("{}: {}", refusal.code, refusal.message))),
                    _ => Ok(()),
                }
            }
            // The answer to a try before this one was lost: whether it is there is looked at next.
            Err(S3Error::Refused { code, .. }) if code == "NoSuchUpload" => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The size of the parts of so many bytes.
fn part_size(size: u64) -> u64 {
    PART.max(size.div_ceil(MOST_PARTS).next_multiple_of(MIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_archive_has_too_many_parts() {
        assert_eq!(part_size(200 * MIB), PART);
        for size in [156_250 * MIB, 156_251 * MIB, 5_000_000 * MIB] {
            assert!(size.div_ceil(part_size(size)) <= MOST_PARTS, "{size}");
        }
    }
}
