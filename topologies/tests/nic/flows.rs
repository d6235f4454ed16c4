//! Traffic of many flows through the DUT, by the testers' own stacks: datagrams there and back, short connections.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use flowgauge_topologies::Netns;

use crate::random::Random;

/// How long a thread waits for an answer, at most: faults lose and spoil packets.
const PATIENCE: Duration = Duration::from_millis(100);
/// Between two bursts.
const PAUSE: Duration = Duration::from_millis(4);
const SERVERS: u16 = 4;
const SOCKETS: usize = 48;
const FIRST_PORT: u16 = 7000;

/// Datagrams that arrived at the client again, and connections that were answered.
#[derive(Debug, Default)]
pub(crate) struct Echoes {
    pub(crate) datagrams: AtomicU64,
    pub(crate) connections: AtomicU64,
}

/// Lets everything else of the storm come first: under emulation the processors are few.
fn stand_back() {
    // SAFETY: numbers only; on Linux who is 0 is the calling thread alone.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 15) };
}

/// Answers every datagram to one port. Blocks until `stop`.
pub(crate) fn answer(netns: &Netns, address: IpAddr, stop: &AtomicBool) {
    std::thread::scope(|scope| {
        for port in FIRST_PORT..FIRST_PORT + SERVERS {
            scope.spawn(move || {
                stand_back();
                let Ok(Ok(socket)) = netns.run(|| UdpSocket::bind(SocketAddr::new(address, port))) else { return };
                let _ = socket.set_read_timeout(Some(PATIENCE));
                let mut buffer = [0; 2048];
                while !stop.load(Ordering::Relaxed) {
                    if let Ok((len, from)) = socket.recv_from(&mut buffer) {
                        // A port that is down, or gone: the storm's doing.
                        let _ = socket.send_to(&buffer[..len], from);
                    }
                }
            });
        }
    });
}

/// Sends datagrams of all sizes from many sockets and counts what comes back. Blocks until `stop`.
pub(crate) fn ask(netns: &Netns, from: IpAddr, to: IpAddr, mut random: Random, stop: &AtomicBool, echoes: &Echoes) {
    stand_back();
    let bind = || -> std::io::Result<Vec<UdpSocket>> {
        (0..SOCKETS).map(|_| UdpSocket::bind(SocketAddr::new(from, 0))).collect()
    };
    let Ok(Ok(sockets)) = netns.run(bind) else { return };
    for socket in &sockets {
        let _ = socket.set_nonblocking(true);
    }
    let mut buffer = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..32 {
            let socket = random.pick(&sockets);
            let port = FIRST_PORT + random.below(u64::from(SERVERS)) as u16;
            let len = random.below(1400) as usize;
            let _ = socket.send_to(&buffer[..len], SocketAddr::new(to, port));
            while socket.recv(&mut buffer).is_ok() {
                echoes.datagrams.fetch_add(1, Ordering::Relaxed);
            }
        }
        // The rest of the storm needs the processors too.
        std::thread::sleep(PAUSE);
    }
}

/// Answers connections: a byte for a byte. Blocks until `stop`.
pub(crate) fn serve(netns: &Netns, address: IpAddr, stop: &AtomicBool) {
    stand_back();
    let Ok(Ok(listener)) = netns.run(|| TcpListener::bind(SocketAddr::new(address, FIRST_PORT))) else { return };
    let _ = listener.set_nonblocking(true);
    while !stop.load(Ordering::Relaxed) {
        let Ok((mut stream, _)) = listener.accept() else {
            // Not waiting for the accept is what lets `stop` end this.
            std::thread::sleep(Duration::from_millis(1));
            continue;
        };
        leave_nothing(&stream);
        let _ = stream.set_nonblocking(false);
        let _ = stream.set_read_timeout(Some(PATIENCE));
        let mut buffer = [0; 4096];
        while let Ok(len @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..len]).is_err() {
                break;
            }
        }
    }
}

/// Opens short connections, one after the other. Blocks until `stop`.
pub(crate) fn connect(netns: &Netns, to: IpAddr, stop: &AtomicBool, echoes: &Echoes) {
    stand_back();
    let mut buffer = [0; 4096];
    while !stop.load(Ordering::Relaxed) {
        let connected = netns.run(|| TcpStream::connect_timeout(&SocketAddr::new(to, FIRST_PORT), PATIENCE));
        let Ok(Ok(mut stream)) = connected else { continue };
        leave_nothing(&stream);
        let _ = stream.set_read_timeout(Some(PATIENCE));
        let turns = (0..8).filter(|_| stream.write_all(&[1; 3000]).is_ok() && stream.read(&mut buffer).is_ok());
        if turns.count() == 8 {
            echoes.connections.fetch_add(1, Ordering::Relaxed);
        }
        // A FIN as in life, while somebody still waits for its answer.
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read(&mut buffer);
    }
}

/// Lets `stream` end at once when it is closed, also by a kill: a FIN that nobody answers any more would be sent again for
/// minutes, and as long keep the namespace, and in it the port that the next testbed waits for.
fn leave_nothing(stream: &TcpStream) {
    let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the descriptor is open as long as `stream`; the kernel reads one linger from a pointer to one.
    unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const at_once).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        );
    }
}
