using System;
using System.IO;
using System.Text;

class Encodings
{
    static string Hex(byte[] b) { return BitConverter.ToString(b); }
    static void Main()
    {
        string text = "aé€𝒳z\ud800!";
        foreach (var e in new Encoding[] { Encoding.UTF8, new UTF8Encoding(false), Encoding.Unicode, Encoding.BigEndianUnicode, Encoding.UTF32, Encoding.ASCII, Encoding.UTF7, Encoding.GetEncoding("iso-8859-1"), Encoding.GetEncoding(1252) })
        {
            byte[] bytes = e.GetBytes(text);
            Console.WriteLine(e.WebName + " " + e.CodePage + " " + Hex(bytes) + " [" + Hex(e.GetPreamble()) + "] " + e.GetByteCount(text) + " " + e.GetMaxByteCount(3) + " " + e.IsSingleByte);
            string back = e.GetString(bytes);
            foreach (char c in back) Console.Write((int)c + " ");
            Console.WriteLine();
        }
        byte[][] bad = { new byte[] { 0xff, 0x41 }, new byte[] { 0xc3 }, new byte[] { 0xe2, 0x82 }, new byte[] { 0xc0, 0x80 }, new byte[] { 0xed, 0xa0, 0x80 }, new byte[] { 0xf4, 0x90, 0x80, 0x80 }, new byte[] { 0x80, 0x80 } };
        foreach (byte[] b in bad)
        {
            foreach (char c in Encoding.UTF8.GetString(b)) Console.Write(((int)c).ToString("x") + " ");
            try { new UTF8Encoding(false, true).GetString(b); Console.WriteLine("accepted"); } catch (ArgumentException e) { Console.WriteLine(e.GetType().Name); }
        }
        try { Encoding.GetEncoding("us-ascii", new EncoderExceptionFallback(), new DecoderExceptionFallback()).GetBytes("é"); } catch (EncoderFallbackException e) { Console.WriteLine(e.CharUnknown + " " + e.Index); }
        Console.WriteLine(Hex(Encoding.GetEncoding("us-ascii", new EncoderReplacementFallback("<?>"), new DecoderReplacementFallback("!")).GetBytes("aéb")));
        var decoder = Encoding.UTF8.GetDecoder();
        var chars = new char[10];
        int n = 0;
        foreach (byte b in Encoding.UTF8.GetBytes("é€𝒳")) n += decoder.GetChars(new[] { b }, 0, 1, chars, n);
        Console.WriteLine(n + " " + new string(chars, 0, n));
        var stream = new MemoryStream();
        using (var w = new StreamWriter(stream, Encoding.Unicode, 16, true)) { w.Write("line é\n"); w.WriteLine("two"); }
        stream.Position = 0;
        using (var r = new StreamReader(stream, true)) { Console.Write(r.ReadToEnd()); Console.WriteLine(r.CurrentEncoding.WebName); }
        Console.WriteLine(Encoding.Default.GetType().Name);
        try { Encoding.GetEncoding("no-such"); } catch (ArgumentException e) { Console.WriteLine(e.ParamName); }
    }
}
