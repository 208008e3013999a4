//! flags: -optimize+
using System;
using System.Text;

class AlgoText
{
    static string Brainfuck(string program, string input)
    {
        var tape = new byte[300];
        var output = new StringBuilder();
        var jumps = new int[program.Length];
        var open = new int[program.Length];
        int depth = 0;
        for (int i = 0; i < program.Length; i++)
        {
            if (program[i] == '[') open[depth++] = i;
            else if (program[i] == ']') { int j = open[--depth]; jumps[i] = j; jumps[j] = i; }
        }
        int at = 0, read = 0;
        for (int pc = 0; pc < program.Length; pc++)
        {
            switch (program[pc])
            {
                case '>': at++; break;
                case '<': at--; break;
                case '+': tape[at]++; break;
                case '-': tape[at]--; break;
                case '.': output.Append((char)tape[at]); break;
                case ',': tape[at] = read < input.Length ? (byte)input[read++] : (byte)0; break;
                case '[': if (tape[at] == 0) pc = jumps[pc]; break;
                case ']': if (tape[at] != 0) pc = jumps[pc]; break;
            }
        }
        return output.ToString();
    }

    static uint Crc32(string text)
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            uint c = i;
            for (int k = 0; k < 8; k++) c = (c & 1) != 0 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
            table[i] = c;
        }
        uint crc = 0xFFFFFFFF;
        foreach (char ch in text) crc = table[(crc ^ ch) & 0xFF] ^ (crc >> 8);
        return ~crc;
    }

    static uint Fnv(string text)
    {
        uint h = 2166136261;
        foreach (char c in text) h = (h ^ c) * 16777619;
        return h;
    }

    static string Hex(uint x)
    {
        var chars = new char[8];
        for (int i = 7; i >= 0; i--, x >>= 4) chars[i] = "0123456789abcdef"[(int)(x & 15)];
        return new string(chars);
    }

    // MD5 with all its rotations and wrap-around additions.
    static string Md5(string text)
    {
        int[] shifts = { 7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21 };
        var k = new uint[64];
        for (int i = 0; i < 64; i++) k[i] = (uint)(Math.Abs(Math.Sin(i + 1)) * 4294967296.0);
        int length = text.Length, blocks = (length + 8) / 64 + 1;
        var m = new byte[blocks * 64];
        for (int i = 0; i < length; i++) m[i] = (byte)text[i];
        m[length] = 0x80;
        ulong bits = (ulong)length * 8;
        for (int i = 0; i < 8; i++) m[blocks * 64 - 8 + i] = (byte)(bits >> (8 * i));
        uint a0 = 0x67452301, b0 = 0xefcdab89, c0 = 0x98badcfe, d0 = 0x10325476;
        for (int block = 0; block < blocks; block++)
        {
            uint a = a0, b = b0, c = c0, d = d0;
            for (int i = 0; i < 64; i++)
            {
                uint f;
                int g;
                if (i < 16) { f = (b & c) | (~b & d); g = i; }
                else if (i < 32) { f = (d & b) | (~d & c); g = (5 * i + 1) & 15; }
                else if (i < 48) { f = b ^ c ^ d; g = (3 * i + 5) & 15; }
                else { f = c ^ (b | ~d); g = (7 * i) & 15; }
                int at = block * 64 + g * 4;
                f += a + k[i] + (uint)(m[at] | m[at + 1] << 8 | m[at + 2] << 16 | m[at + 3] << 24);
                a = d;
                d = c;
                c = b;
                int s = shifts[i / 16 * 4 + i % 4];
                b += f << s | f >> (32 - s);
            }
            a0 += a; b0 += b; c0 += c; d0 += d;
        }
        return Swap(a0) + Swap(b0) + Swap(c0) + Swap(d0);
    }

    static string Swap(uint x) { return Hex(x << 24 | (x & 0xFF00) << 8 | (x >> 8 & 0xFF00) | x >> 24); }

    static string RunLength(string s)
    {
        var r = new StringBuilder();
        for (int i = 0; i < s.Length;)
        {
            int j = i;
            while (j < s.Length && s[j] == s[i]) j++;
            r.Append(j - i).Append(s[i]);
            i = j;
        }
        return r.ToString();
    }

    static string Base64(byte[] data)
    {
        const string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        var r = new StringBuilder();
        for (int i = 0; i < data.Length; i += 3)
        {
            int n = data[i] << 16 | (i + 1 < data.Length ? data[i + 1] << 8 : 0) | (i + 2 < data.Length ? data[i + 2] : 0);
            r.Append(digits[n >> 18]).Append(digits[n >> 12 & 63]);
            r.Append(i + 1 < data.Length ? digits[n >> 6 & 63] : '=').Append(i + 2 < data.Length ? digits[n & 63] : '=');
        }
        return r.ToString();
    }

    static bool Match(string pattern, int p, string text, int t)
    {
        if (p == pattern.Length) return t == text.Length;
        bool here = t < text.Length && (pattern[p] == '.' || pattern[p] == text[t]);
        if (p + 1 < pattern.Length && pattern[p + 1] == '*')
            return Match(pattern, p + 2, text, t) || here && Match(pattern, p, text, t + 1);
        return here && Match(pattern, p + 1, text, t + 1);
    }

    static void Main()
    {
        Console.Write(Brainfuck("++++++++[>++++[>++>+++>+++>+<<<<-]>+>+>->>+[<]<-]>>.>---.+++++++..+++.>>.<-.<.+++.------.--------.>>+.>++.", ""));
        Console.WriteLine(Brainfuck(",[>+>++<<-]>.>.", "!"));
        Console.WriteLine(Hex(Crc32("The quick brown fox jumps over the lazy dog")) + " " + Hex(Crc32("")));
        Console.WriteLine(Hex(Fnv("hello")) + " " + Hex(Fnv("")));
        Console.WriteLine(Md5(""));
        Console.WriteLine(Md5("The quick brown fox jumps over the lazy dog"));
        Console.WriteLine(RunLength("aaabccddddd") + "|" + RunLength("") + "|" + RunLength("x"));
        Console.WriteLine(Base64(new byte[] { 77, 97, 110, 32, 105, 115, 33 }) + " " + Base64(new byte[] { 255 }) + " " + Base64(new byte[0]));
        foreach (string p in new string[] { "a.c", "a*", "a*b*c", ".*c", "abc*d", "" })
            Console.WriteLine(p + " " + Match(p, 0, "abc", 0) + " " + Match(p, 0, "aaa", 0) + " " + Match(p, 0, "", 0));
    }
}
