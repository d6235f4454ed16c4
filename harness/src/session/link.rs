//! The link to a worker: its events as lines, our replies, and the body it lives in.

use std::time::Duration;

use flowgauge_reports::event::Event;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines};

use crate::worker::protocol::{Failure, Job, Reply};

/// What a worker runs in: a child process, a VM.
pub trait Body {
    /// Why its stream ended without a last event, or why it has been silent, with the evidence.
    fn explain(&mut self, silent: bool) -> String;
    /// Lets it stand still, or go on, while another kernel has its turn. Only what does not notice is ever held.
    fn hold(&mut self, _still: bool) {}
    /// What its console holds although the run went well: complaints of the kernel, and warnings of a machine that is
    /// slow or small.
    fn complaints(&mut self) -> Vec<Event>;
    /// Waits so long for it to end by itself, then ends it. Leaves nothing.
    fn end(&mut self, grace: Duration);
}

/// A worker that has been started.
pub struct Link {
    lines: Lines<BufReader<Box<dyn AsyncRead + Unpin>>>,
    replies: Box<dyn AsyncWrite + Unpin>,
    /// What the worker runs in.
    pub body: Box<dyn Body>,
}

impl Link {
    /// A link over a pair of streams.
    pub fn new(
        events: impl AsyncRead + Unpin + 'static,
        replies: impl AsyncWrite + Unpin + 'static,
        body: Box<dyn Body>,
    ) -> Self {
        let events: Box<dyn AsyncRead + Unpin> = Box::new(events);
        Link { lines: BufReader::new(events).lines(), replies: Box::new(replies), body }
    }

    /// Gives the worker its job.
    pub async fn start(&mut self, job: &Job) -> Result<(), Failure> {
        let line = serde_json::to_string(job).map_err(Failure::environment)?;
        match self.send(line).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Failure::environment(self.body.explain(false))),
        }
    }

    /// Answers the worker. A worker that is gone is noticed by its silence.
    pub async fn reply(&mut self, reply: Reply) {
        if let Ok(line) = serde_json::to_string(&reply) {
            let _ = self.send(line).await;
        }
    }

    /// The next line of its events; none when the stream ended. Safe to cancel.
    pub async fn line(&mut self) -> Option<String> {
        self.lines.next_line().await.ok().flatten()
    }

    async fn send(&mut self, mut line: String) -> std::io::Result<()> {
        line.push('\n');
        self.replies.write_all(line.as_bytes()).await?;
        self.replies.flush().await
    }
}
