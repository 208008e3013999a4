// Bits and bytes: CRC-32, Adler-32, FNV and SHA-256 of a buffer.
static class Hashes
{
    static readonly uint[] table = MakeTable();
    static readonly uint[] primes = MakeRoots();
    static readonly byte[] data = MakeData();

    static uint[] MakeTable()
    {
        uint[] made = new uint[256];
        for (uint n = 0; n < 256; n++)
        {
            uint c = n;
            for (int bit = 0; bit < 8; bit++) c = (c & 1) != 0 ? 0xedb88320 ^ (c >> 1) : c >> 1;
            made[n] = c;
        }
        return made;
    }

    // 64 round constants; any will do for a measurement.
    static uint[] MakeRoots()
    {
        Dice dice = new Dice(64);
        uint[] made = new uint[64];
        for (int i = 0; i < made.Length; i++) made[i] = dice.Next();
        return made;
    }

    static byte[] MakeData()
    {
        Dice dice = new Dice(51);
        byte[] made = new byte[1 << 17];
        for (int i = 0; i < made.Length; i++) made[i] = (byte)dice.Next();
        return made;
    }

    static uint Crc(byte[] bytes)
    {
        uint c = 0xffffffff;
        foreach (byte b in bytes) c = table[(c ^ b) & 0xff] ^ (c >> 8);
        return ~c;
    }

    static uint Adler(byte[] bytes)
    {
        uint a = 1, b = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            a = (a + bytes[i]) % 65521;
            b = (b + a) % 65521;
        }
        return b << 16 | a;
    }

    static ulong Fnv(byte[] bytes)
    {
        ulong hash = 14695981039346656037;
        for (int i = 0; i < bytes.Length; i++) hash = (hash ^ bytes[i]) * 1099511628211;
        return hash;
    }

    static uint Turn(uint x, int by) { return x >> by | x << (32 - by); }

    static uint Sha(byte[] bytes)
    {
        uint[] state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
        uint[] w = new uint[64];
        for (int at = 0; at < bytes.Length; at += 64)
        {
            for (int i = 0; i < 16; i++)
            {
                int p = at + 4 * i;
                w[i] = (uint)(bytes[p] << 24 | bytes[p + 1] << 16 | bytes[p + 2] << 8 | bytes[p + 3]);
            }
            for (int i = 16; i < 64; i++)
            {
                uint s0 = Turn(w[i - 15], 7) ^ Turn(w[i - 15], 18) ^ w[i - 15] >> 3;
                uint s1 = Turn(w[i - 2], 17) ^ Turn(w[i - 2], 19) ^ w[i - 2] >> 10;
                w[i] = w[i - 16] + s0 + w[i - 7] + s1;
            }
            uint a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
            for (int i = 0; i < 64; i++)
            {
                uint t1 = h + (Turn(e, 6) ^ Turn(e, 11) ^ Turn(e, 25)) + (e & f ^ ~e & g) + primes[i] + w[i];
                uint t2 = (Turn(a, 2) ^ Turn(a, 13) ^ Turn(a, 22)) + (a & b ^ a & c ^ b & c);
                h = g; g = f; f = e; e = d + t1; d = c; c = b; b = a; a = t1 + t2;
            }
            state[0] += a; state[1] += b; state[2] += c; state[3] += d;
            state[4] += e; state[5] += f; state[6] += g; state[7] += h;
        }
        return state[0] ^ state[3] ^ state[7];
    }

    static long Work()
    {
        long sum = 0;
        for (int i = 0; i < 6; i++) sum = sum * 31 + Crc(data) + Adler(data) + (long)(Fnv(data) >> 1) + Sha(data);
        return sum;
    }

    static int Main() { return Bench.Run("hashes", Work); }
}
