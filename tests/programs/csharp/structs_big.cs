//! flags: -optimize+
using System;

struct W1 { public long A; }
struct W2 { public long A, B; }
struct W3 { public long A, B, C; }
struct W5 { public long A, B, C, D, E; }
struct W10 { public W5 X, Y; }
struct D2 { public double A, B; }
struct Hybrid { public int A; public double B; public byte C; }
struct Text3 { public string A, B, C; }
struct Hundred { public W10 A, B, C, D, E, F, G, H, I, J; }

class StructsBig
{
    long seed = 3;

    static W1 F1(W1 x, int k) { x.A += k; return x; }
    static W2 F2(W2 x, int k) { x.A += k; x.B -= k; return x; }
    static W3 F3(W3 x, int k) { x.C += x.A * k; return x; }
    static W5 F5(W5 x, int k) { x.E += x.A + k; return x; }
    static W10 F10(W10 x, int k) { x.Y = F5(x.Y, k); x.X.B = k; return x; }
    static D2 FD(D2 x, double k) { x.A *= k; x.B += k; return x; }
    static Hybrid FH(Hybrid x) { x.A++; x.B *= 2; x.C--; return x; }
    static Text3 FT(Text3 x, string s) { x.C = x.A + s; return x; }
    static Hundred FHundred(Hundred h, long k) { h.J.Y.E = k; h.A.X.A += k; return h; }

    static long Many(W1 a, int b, W2 c, byte d, W3 e, long f, W5 g, short h, W10 i, D2 j, Hybrid k, char l)
    {
        return a.A + b + c.A * 2 + c.B + d + e.C * 3 + f + g.E + h + i.X.B + i.Y.E + (long)j.B + k.A + (long)k.B + k.C + l;
    }

    W3 Instance(W2 x, W5 y) { seed++; return new W3 { A = x.A + seed, B = y.E, C = x.B }; }
    virtual_t Virtual = null;
    delegate W10 virtual_t(W10 x, W3 y);

    static long Sum(W10 x) { return x.X.A + x.X.B * 2 + x.X.E * 3 + x.Y.A * 5 + x.Y.E * 7; }

    static W5 Recursive(W5 x, int depth)
    {
        if (depth == 0)
            return x;
        x.A++;
        W5 y = Recursive(x, depth - 1);
        y.B += x.A;
        return y;
    }

    static void Main()
    {
        var w1 = new W1 { A = 1 };
        var w2 = new W2 { A = 2, B = 3 };
        var w3 = new W3 { A = 4, B = 5, C = 6 };
        var w5 = new W5 { A = 7, B = 8, C = 9, D = 10, E = 11 };
        var w10 = new W10 { X = w5, Y = w5 };
        var d2 = new D2 { A = 1.5, B = 2.5 };
        var hybrid = new Hybrid { A = 1, B = 0.5, C = 0 };
        var text = new Text3 { A = "a", B = "b" };
        Console.WriteLine(F1(w1, 10).A + " " + w1.A);
        Console.WriteLine(F2(w2, 10).A + " " + F2(w2, 10).B + " " + w2.A);
        Console.WriteLine(F3(w3, 10).C + " " + w3.C);
        Console.WriteLine(F5(w5, 10).E + " " + F5(w5, 10).D + " " + w5.E);
        Console.WriteLine(Sum(F10(w10, 100)) + " " + Sum(w10));
        Console.WriteLine((int)(FD(d2, 3).A * 10) + " " + (int)(FD(d2, 3).B * 10) + " " + (int)(d2.A * 10));
        hybrid = FH(FH(hybrid));
        Console.WriteLine(hybrid.A + " " + (int)(hybrid.B * 10) + " " + hybrid.C);
        Console.WriteLine(FT(text, "!").C + FT(text, "!").B + (text.C ?? "null"));
        Console.WriteLine(Many(w1, 1000, w2, 200, w3, 1L << 40, w5, -5, w10, d2, hybrid, 'x'));

        var hundred = new Hundred();
        hundred.A.X.A = 1;
        Hundred changed = FHundred(FHundred(hundred, 55), 66);
        Console.WriteLine(hundred.A.X.A + " " + hundred.J.Y.E + " " + changed.A.X.A + " " + changed.J.Y.E + " " + Sum(changed.J));

        var me = new StructsBig();
        W3 r = me.Instance(w2, w5);
        Console.WriteLine(r.A + " " + r.B + " " + r.C);
        Func<W2, W5, W3> f = me.Instance;
        r = f(w2, w5);
        Console.WriteLine(r.A + " " + r.B + " " + r.C);
        me.Virtual = (x, y) => { x.X.A = y.C; x.Y.E += me.seed; return x; };
        Console.WriteLine(Sum(me.Virtual(w10, w3)));
        w10 = F10(w10, -1);
        w10 = me.Virtual(F10(w10, 2), F3(w3, 2));
        Console.WriteLine(Sum(w10));
        w5 = Recursive(w5, 50);
        Console.WriteLine(w5.A + " " + w5.B + " " + w5.E);
        object boxed = w10;
        Console.WriteLine(Sum((W10)boxed));
        w10.X.A = 0;
        Console.WriteLine(Sum((W10)boxed) - Sum(w10));
        W10[] array = { w10, F10(w10, 5) };
        array[0] = array[1];
        array[1].X.B++;
        Console.WriteLine(Sum(array[0]) + " " + Sum(array[1]));
    }
}
